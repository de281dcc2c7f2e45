# Settings -> the files of the config tree, as { "profile/url" = "https://…"; … }. A value's file is the value
# and one newline (nix/lib/write-tree); marks (.unset, .lock) are empty files.
{ lib, schema }:
let
  render =
    value:
    if builtins.isBool value then
      lib.boolToString value
    else if builtins.isList value then
      lib.concatStringsSep " " value
    else if builtins.isPath value then
      "${value}" # copied to the store
    else
      toString value;

  pair = name: value: { inherit name value; };

  # The files of one row: `at` is the path so far, `value` what the settings have there.
  walk =
    at: path: value:
    if value == null then
      [ ]
    else if path == [ ] then
      [ (pair (lib.concatStringsSep "/" at) (render value)) ]
    else if schema.isPlaceholder (builtins.head path) then
      lib.concatMap (name: walk (at ++ [ name ]) (builtins.tail path) value.${name}) (builtins.attrNames value)
    else
      walk (at ++ [ (builtins.head path) ]) (builtins.tail path) (value.${builtins.head path} or null);

  valuesOf = settings: lib.concatMap (row: walk [ ] row.path settings) schema.rows;
  marksOf =
    settings:
    lib.concatMap (mark: map (key: pair "${key}.${mark}" null) (settings.${mark} or [ ])) [ "unset" "lock" ];
  matchOf =
    settings:
    lib.concatMap (
      fact:
      let
        values = settings.match.${fact} or [ ];
      in
      lib.optional (values != [ ]) (pair "match/${fact}" (lib.concatStringsSep "\n" values))
    ) [ "mac" "serial" "machine-id" ];

  rootOf = settings: valuesOf settings ++ marksOf settings ++ matchOf settings;
  kinds = [ "environment" "cluster" "mode" "node" ];
in
{
  inherit kinds;

  # One root with its overlays: a list of { name; value; }, value null for a mark.
  files =
    { settings, overlays ? { }, unset ? [ ], lock ? [ ] }:
    lib.listToAttrs (
      rootOf (settings // { inherit unset lock; })
      ++ lib.concatMap (
        kind:
        lib.concatMap (
          name:
          map (file: pair "overlays/${kind}=${name}/${file.name}" file.value) (rootOf overlays.${kind}.${name})
        ) (builtins.attrNames (overlays.${kind} or { }))
      ) kinds
    );
}
