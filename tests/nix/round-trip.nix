# For every key of the schema a value, set through its option: { trees = [ { description; node; expected; } ]; credentials; }.
# The runner writes each tree and asks the program what it read.
let
  inherit (import ./eval.nix) lib evaluate;
  klubster = import ../../nix/lib { inherit lib; };
  kKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
  kPem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

  # By type: the value as it is given in Nix and as it stands in the file.
  plain = value: { given = value; read = toString value; };
  samples = {
    hostname = plain "n1";
    name = plain "blue";
    bool = { given = false; read = "false"; };
    modes = { given = [ "server" "stack" ]; read = "server stack"; };
    text = plain "a text, with commas";
    endpoint = plain "[2001:db8::1]:9446";
    URL = plain "https://profiles.example.org/a.tgz?x=1";
    path = plain "/srv/a.tgz";
    digest = plain (lib.concatStringsSep "" (builtins.genList (_: "0123456789abcdef") 4));
    "minisign key" = plain "untrusted comment: us\n${kKey}";
    "Ed25519 key" = plain "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqA=";
    PEM = plain kPem;
    number = plain 7;
    count = plain 0;
    size = plain "64M";
    duration = plain "1h30m";
  };
  # Keys whose value hangs together with others, and texts that may have several lines.
  byKey = {
    "inputs/<NAME>" = plain "first line\n  second line, indented\n\n";
    "cluster/first-server" = plain "n1";
    "core/sha256" = plain "${samples.digest.read}  dist/productive-k3s-core-0.9.5.tar.gz";
    "members/<name>/key" = plain "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=";
  };
  sampleOf =
    row:
    byKey.${row.key} or samples.${row.type} or (plain (builtins.head (klubster.types.choices row ++ [ "text" ])));

  # Placeholders filled in.
  names = { "<name>" = "n1"; "<n>" = "10-A_b.c"; "<NAME>" = "SOME_INPUT_2"; "<label>" = "topology.kubernetes.io/zone"; };
  pathOf = row: map (segment: names.${segment} or segment) row.path;
  keyOf = row: lib.concatStringsSep "/" (pathOf row);

  # { a.b.c = value; } of a path.
  setAt = path: value: if path == [ ] then value else { ${builtins.head path} = setAt (builtins.tail path) value; };
  settingsOf = rows: lib.mkMerge (map (row: setAt (pathOf row) (sampleOf row).given) rows);

  open = lib.filter (row: !row.secret) klubster.schema.rows;
  secret = lib.filter (row: row.secret) klubster.schema.rows;
  but = keys: lib.filter (row: !lib.elem row.key keys) open;

  treeOf = rows: {
    node = "n1";
    expected = lib.listToAttrs (map (row: { name = keyOf row; value = (sampleOf row).read; }) rows);
    description = (evaluate [ { services.klubster = { enable = true; settings = settingsOf rows; }; } ]).services.klubster.treeDescription;
  };
in
{
  trees = [
    # A package is at a URL or at a path, and so is Core.
    (treeOf (but [ "profile/path" "core/path" ]))
    (treeOf (but [ "profile/url" "profile/mirrors.d/<n>" "core/url" ]))
  ];
  # Secrets come as credentials, whose names the schema knows.
  credentials = map (row: {
    expected = lib.replaceStrings (lib.attrNames names) (lib.attrValues names) row.credential;
    found =
      builtins.head
        (evaluate [ { services.klubster = { enable = true; credentials.${keyOf row} = "/run/agenix/x"; }; } ]).systemd.services.klubster.serviceConfig.LoadCredential;
  }) secret;
  keys = builtins.length klubster.schema.rows;
}
