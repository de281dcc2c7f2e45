# Stands for nixpkgs as far as flake.nix and nix/package.nix ask for it: every package is a name.
{ system ? "x86_64-linux", overlays ? [ ] }:
let
  inherit (import ../eval.nix) lib;
  named = name: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
  };
  # What is derived is what was asked for.
  derive =
    asked:
    let
      attributes = if builtins.isFunction asked then asked { finalPackage = package; } else asked;
      package = attributes // named (attributes.pname or attributes.name or "shell");
    in
    package;
  platform = { inherit system; canExecute = _: true; };
  base = {
    inherit lib;
    stdenv = {
      mkDerivation = derive;
      buildPlatform = platform;
      hostPlatform = platform;
    };
    mkShell = derive;
    testers.runNixOSTest = test: named test.name;
    callPackage =
      file: extra:
      let
        package = import file;
        wanted = builtins.functionArgs package;
        given = lib.genAttrs (builtins.filter (name: !wanted.${name}) (builtins.attrNames wanted)) (name: base.${name} or (named name));
      in
      package (given // extra);
    clang-tools = named "clang-tools";
    minisign = named "minisign";
    shellcheck = named "shellcheck";
    jq = named "jq";
  };
in
builtins.foldl' (pkgs: overlay: pkgs // overlay pkgs pkgs) base overlays
