# What the package's units say about themselves. NixOS does not read [Install] of packaged units, so the module
# takes it from the very files that are installed, instead of saying it a second time.
{ lib }:
let
  unitDirectory = ../../units;
  files = lib.filter (name: builtins.match ".*\\.(service|target|timer|socket|path)\\.in" name != null) (
    builtins.attrNames (builtins.readDir unitDirectory)
  );
  linesOf = file: lib.splitString "\n" (builtins.readFile (unitDirectory + "/${file}"));
  wordsOf =
    setting: file:
    lib.concatMap (
      line:
      let
        found = builtins.match "${setting}=(.*)" line;
      in
      lib.optionals (found != null) (lib.filter (word: word != "") (lib.splitString " " (builtins.head found)))
    ) (linesOf file);
  unitOf = file: lib.removeSuffix ".in" file;
in
{
  units = map unitOf files;
  # { "klubster.service" = { wantedBy = [ … ]; requiredBy = [ … ]; }; … }
  installs = lib.listToAttrs (
    map (file: {
      name = unitOf file;
      value = {
        wantedBy = wordsOf "WantedBy" file;
        requiredBy = wordsOf "RequiredBy" file;
      };
    }) files
  );
}
