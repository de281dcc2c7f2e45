# Options made from the schema: one for each key, at the key's own path.
{ lib, schema, types }:
let
  inherit (lib) mkOption;

  code = text: "`${text}`";
  describe =
    row:
    lib.concatStringsSep "\n\n" (
      [ "${row.help}." "Key ${code row.key}: ${row.expects}." ]
      ++ lib.optional (row.default != "") "By default: ${row.default}."
      ++ lib.optional row.secret "A secret must not be set here, where everybody can read it: use {option}`services.klubster.credentials`."
      ++ lib.optional (!row.inPlace) "Does not change while the node is part of a cluster (${code "klubster leave"} first)."
    );

  leaf = row: mkOption {
    type = lib.types.nullOr (types.typeOf row);
    default = null;
    description = describe row;
  };

  # `rest` of each row is what is left of its path.
  level = rows: lib.mapAttrs (_: below) (lib.groupBy (row: builtins.head row.rest) rows);

  below =
    rows:
    let
      deeper = map (row: row // { rest = builtins.tail row.rest; }) rows;
      first = builtins.head deeper;
      next = builtins.head first.rest;
    in
    if first.rest == [ ] then
      leaf first
    else if schema.isPlaceholder next then
      entries deeper
    else
      level deeper;

  # Entries that carry a name of the user's own.
  entries =
    rows:
    let
      deeper = map (row: row // { rest = builtins.tail row.rest; }) rows;
      first = builtins.head deeper;
    in
    mkOption {
      default = { };
      description = "Entries by name.\n\n" + lib.concatMapStringsSep "\n\n" describe deeper;
      type = lib.types.attrsOf (
        if first.rest == [ ] then types.typeOf first else lib.types.submodule { options = level deeper; }
      );
    };

  settingsOptions = level (map (row: row // { rest = row.path; }) schema.rows);

  keyList = description: mkOption {
    type = lib.types.listOf lib.types.str;
    default = [ ];
    inherit description;
  };
  marks = {
    unset = keyList "Keys, or directories of keys, whose value from lower layers is taken away ({file}`KEY.unset`).";
    lock = keyList "Keys, or directories of keys, that no higher layer may change ({file}`KEY.lock`).";
  };
  match = lib.genAttrs [ "mac" "serial" "machine-id" ] (fact: mkOption {
    type = lib.types.listOf (lib.types.addCheck lib.types.str (text: text != "" && !lib.hasInfix "\n" text));
    default = [ ];
    description = "The machine is this node when its ${fact} is one of these; `klubster hardware` prints what a machine has.";
  });

  overlaysOf =
    kind: extra:
    mkOption {
      default = { };
      description = "Settings for nodes of one ${kind} only; they beat {option}`services.klubster.settings`.";
      type = lib.types.attrsOf (lib.types.submodule { options = settingsOptions // marks // extra; });
    };
in
{
  inherit settingsOptions marks;
  settings = mkOption {
    default = { };
    description = "The node's part of the config tree, key by key: `settings.profile.url` becomes {file}`/etc/klubster/profile/url`.";
    type = lib.types.submodule { options = settingsOptions; };
  };
  overlays = {
    environment = overlaysOf "environment" { };
    cluster = overlaysOf "cluster" { };
    mode = overlaysOf "mode" { };
    node = overlaysOf "node" { inherit match; };
  };
  members = settingsOptions.members;
}
