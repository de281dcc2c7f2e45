# Modules: options, definitions with mkIf, mkMerge and mkDefault, and their evaluation.
{ lib }:
let
  kindOf = value: if builtins.isAttrs value then value._type or "" else "";
  kDefault = 1000;
  kOptionDefault = 1500;
in
rec {
  mkOption = declaration: declaration // { _type = "option"; };
  mkEnableOption = what: mkOption { type = lib.types.bool; default = false; description = "Whether to enable ${what}."; };
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkDefault = mkOverride kDefault;
  mkForce = mkOverride 50;
  literalExpression = text: { _type = "literalExpression"; inherit text; };
  literalMD = text: { _type = "literalMD"; inherit text; };

  # Moves mkIf and mkMerge below the names of a set: which names there are must not depend on a condition.
  pushDown =
    definition:
    let
      kind = kindOf definition;
    in
    if kind == "merge" then
      builtins.concatMap pushDown definition.contents
    else if kind == "if" then
      map (builtins.mapAttrs (_: mkIf definition.condition)) (pushDown definition.content)
    else if kind == "override" then
      map (builtins.mapAttrs (_: mkOverride definition.priority)) (pushDown definition.content)
    else
      [ definition ];

  # The values of the strongest definitions of one option.
  winners =
    definitions:
    let
      resolve =
        definition:
        let
          kind = kindOf definition;
        in
        if kind == "merge" then
          builtins.concatMap resolve definition.contents
        else if kind == "if" then
          if definition.condition then resolve definition.content else [ ]
        else if kind == "override" then
          map (found: found // { inherit (definition) priority; }) (resolve definition.content)
        else
          [ { priority = 100; value = definition; } ];
      all = builtins.concatMap resolve definitions;
      strongest = builtins.foldl' (least: found: if found.priority < least then found.priority else least) 9999 all;
    in
    map (found: found.value) (builtins.filter (found: found.priority == strongest) all);

  evalOptions =
    where: options: definitions:
    let
      unknown = lib.unique (
        builtins.filter (name: !(options ? ${name})) (builtins.concatMap builtins.attrNames definitions)
      );
      at = name: if where == "" then name else "${where}.${name}";
      of = name: builtins.concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) definitions;
      value =
        name: option:
        if kindOf option != "option" then
          evalOptions (at name) option (builtins.concatMap pushDown (of name))
        else
          let
            given = winners (of name ++ (if option ? default then [ (mkOverride kOptionDefault option.default) ] else [ ]));
          in
          if given == [ ] then
            throw "The option `${at name}' is used but not defined."
          else
            lib.types.mergeChecked option.type (at name) given;
      result = builtins.mapAttrs value options;
    in
    if where != "" && unknown != [ ] then throw "The option `${at (builtins.head unknown)}' does not exist." else result;

  evalModules =
    { modules, specialArgs ? { } }:
    let
      load = module: if builtins.isFunction module then module arguments else if builtins.isAttrs module then module else load (import module);
      withImports = module: let loaded = load module; in builtins.concatMap withImports (loaded.imports or [ ]) ++ [ loaded ];
      loaded = builtins.concatMap withImports modules;
      configOf = module: if module ? config || module ? options then module.config or { } else removeAttrs module [ "imports" "_file" ];
      merge =
        a: b:
        a // builtins.mapAttrs (name: value: if a ? ${name} && kindOf value != "option" then merge a.${name} value else value) b;
      options = builtins.foldl' merge { } (map (module: module.options or { }) loaded);
      config = evalOptions "" options (builtins.concatMap (module: pushDown (configOf module)) loaded);
      arguments = specialArgs // { inherit lib config options; };
    in
    { inherit config options; };
}
