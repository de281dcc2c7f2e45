# A stand-in for the part of nixpkgs' `lib` that nix/ uses, so that the tests need no nixpkgs. Where there is one,
# KLUBSTER_NIXPKGS_LIB runs the same tests with the real thing.
let
  types = import ./types.nix { inherit lib; };
  modules = import ./modules.nix { inherit lib; };
  strings = rec {
    inherit (builtins) concatStringsSep stringLength replaceStrings;
    hasPrefix = prefix: text: builtins.substring 0 (stringLength prefix) text == prefix;
    hasSuffix =
      suffix: text:
      let
        rest = stringLength text - stringLength suffix;
      in
      rest >= 0 && builtins.substring rest (-1) text == suffix;
    hasInfix = infix: text: builtins.length (splitString infix text) > 1;
    removePrefix = prefix: text: if hasPrefix prefix text then builtins.substring (stringLength prefix) (-1) text else text;
    removeSuffix =
      suffix: text:
      if hasSuffix suffix text then builtins.substring 0 (stringLength text - stringLength suffix) text else text;
    splitString =
      separator: text:
      builtins.filter builtins.isString (builtins.split (escapeRegex separator) (toString text));
    escapeRegex =
      let
        special = [ "\\" "[" "{" "(" ")" "^" "$" "*" "+" "?" "." "|" ];
      in
      replaceStrings special (map (c: "\\" + c) special);
    concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
    optionalString = condition: text: if condition then text else "";
    boolToString = value: if value then "true" else "false";
    toLower = replaceStrings (upper) (map (c: lowerOf.${c}) upper);
    toInt = builtins.fromJSON;
    escapeShellArg = text: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
    sanitizeDerivationName = text: text;
  };
  upper = builtins.filter (c: builtins.isString c && c != "") (builtins.split "" "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  lowerOf = builtins.listToAttrs (
    builtins.genList (i: {
      name = builtins.elemAt upper i;
      value = builtins.substring i 1 "abcdefghijklmnopqrstuvwxyz";
    }) 26
  );
  lists = rec {
    inherit (builtins) filter elem any all concatLists concatMap length head tail elemAt foldl' groupBy;
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    take = count: list: builtins.genList (elemAt list) (if count < length list then count else length list);
    last = list: elemAt list (length list - 1);
    findFirst = check: default: list: let found = filter check list; in if found == [ ] then default else head found;
    unique = foldl' (seen: value: if elem value seen then seen else seen ++ [ value ]) [ ];
    imap0 = f: list: builtins.genList (i: f i (elemAt list i)) (length list);
  };
  attrsets = rec {
    inherit (builtins) attrNames attrValues listToAttrs mapAttrs removeAttrs;
    optionalAttrs = condition: set: if condition then set else { };
    filterAttrs = check: set: removeAttrs set (builtins.filter (name: !check name set.${name}) (attrNames set));
    genAttrs = names: f: listToAttrs (map (name: { inherit name; value = f name; }) names);
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    concatMapAttrs = f: set: builtins.foldl' (all: name: all // f name set.${name}) { } (attrNames set);
    isDerivation = value: builtins.isAttrs value && (value.type or "") == "derivation";
    getName = package: package.pname or package.name;
    getBin = package: package;
    getExe = package: "${package}/bin/${getName package}";
  };
  # What packages ask for.
  packages = {
    fileset = {
      unions = files: files;
      toSource =
        { root, fileset }:
        if builtins.all builtins.pathExists fileset then
          { inherit root fileset; outPath = root; }
        else
          throw "not there: ${toString (builtins.filter (file: !builtins.pathExists file) fileset)}";
    };
    cmakeBool = name: value: "-D${name}:BOOL=${if value then "TRUE" else "FALSE"}";
    cmakeFeature = name: value: "-D${name}:STRING=${value}";
    licenses.asl20 = "Apache-2.0";
    platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  };
  lib = packages // strings // lists // attrsets // modules // {
    inherit types strings;
    boolToString = strings.boolToString;
  };
in
lib
