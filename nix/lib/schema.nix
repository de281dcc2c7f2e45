# The keys of the config tree: nix/schema.json, which the program makes (`klubster config keys --format json`).
#
# A row's `path` is its key cut at the slashes; a segment in angle brackets stands for names of the user's own.
{ lib }:
let
  isPlaceholder = segment: lib.hasPrefix "<" segment;
  rows = map (row: row // { path = lib.splitString "/" row.key; }) (
    builtins.fromJSON (builtins.readFile ../schema.json)
  );

  # What the program takes for a name at each placeholder (agent/model/schema.cpp); regular expressions.
  namePatterns = {
    "<name>" = "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
    "<n>" = "[A-Za-z0-9][A-Za-z0-9._-]*";
    "<NAME>" = "[A-Z_][A-Z0-9_]*";
    "<label>" = "([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?";
  };
  fitsPlaceholder =
    placeholder: text:
    builtins.match namePatterns.${placeholder} text != null
    && (lib.elem placeholder [ "<label>" "<NAME>" ] || builtins.stringLength text <= 63);

  fits =
    path: segments:
    if path == [ ] then
      segments == [ ]
    else if builtins.head path == "<label>" then
      # A label's prefix is a directory, so a label may be two segments.
      segments != [ ] && fitsPlaceholder "<label>" (lib.concatStringsSep "/" segments)
    else
      segments != [ ]
      && (
        if isPlaceholder (builtins.head path) then
          fitsPlaceholder (builtins.head path) (builtins.head segments)
        else
          builtins.head path == builtins.head segments
      )
      && fits (builtins.tail path) (builtins.tail segments);
in
{
  inherit rows isPlaceholder namePatterns fitsPlaceholder;

  # The row that a key of a tree falls under, or null.
  find = key: lib.findFirst (row: fits row.path (lib.splitString "/" key)) null rows;
  has = key: lib.any (row: row.key == key) rows;
  # Whether the key, or a directory of keys ("profile/trusted-keys.d"), exists: what .unset and .lock take.
  isKeyOrDirectory =
    key:
    let
      segments = lib.splitString "/" key;
      within = path: lib.take (builtins.length segments) path;
    in
    lib.any (row: fits row.path segments || fits (within row.path) segments) rows;
}
