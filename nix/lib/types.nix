# The schema's types as option types: a mistake is found when the system is evaluated, with the option's name.
{ lib }:
let
  inherit (lib) types;

  # A text that the whole regular expression fits.
  matching =
    description: pattern:
    types.addCheck types.str (text: builtins.match pattern text != null) // { inherit description; };
  checked = description: check: types.addCheck types.str check // { inherit description; };

  host = "([A-Za-z0-9.-]+|\\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*])";
  lines = text: lib.filter (line: line != "") (lib.splitString "\n" text);

  byName = {
    hostname = matching "host name of one label (a-z, 0-9, -; at most 63)" "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    name = matching "name (a-z, 0-9, -; at most 63)" "[a-z0-9][a-z0-9-]{0,62}";
    bool = types.bool;
    modes = types.listOf (types.enum [ "server" "agent" "stack" "single-node" ]);
    token = types.str;
    endpoint = matching "HOST:PORT or [IPv6]:PORT" "${host}:0*[1-9][0-9]{0,4}";
    URL = matching "https:// or http:// URL without a password" "https?://[^/?#@[:space:]]+([/?#][^[:space:]]*)?";
    # A path of the Nix language is copied to the store.
    path = types.addCheck types.path (path: !lib.hasInfix ":" "${toString path}") // {
      description = "absolute path without `:`";
    };
    digest = matching "SHA-256 digest of 64 lower-case hex digits" "[0-9a-f]{64}";
    "minisign key" = checked "minisign public key (its line RW..., or the whole .pub file)" (
      text:
      let
        keys = lib.filter (line: !lib.hasPrefix "untrusted comment:" line) (lines text);
      in
      builtins.length keys == 1 && builtins.match "RW[A-Za-z0-9+/]{54}" (builtins.head keys) != null
    );
    "Ed25519 key" = matching "Ed25519 public key (32 bytes as base64)" "[A-Za-z0-9+/]{43}=";
    PEM = checked "certificates in PEM form" (
      text: lib.hasInfix "-----BEGIN CERTIFICATE-----" text && lib.hasInfix "-----END CERTIFICATE-----" text
    );
    number = types.ints.positive;
    count = types.ints.unsigned;
    size = types.either types.ints.positive (matching "size such as 64K, 512M or 2G" "[1-9][0-9]*[KMG]?");
    duration = matching "duration such as 90s, 5m or 1h30m" "([0-9]+(us|ms|s|m|h|d))+";
  };

  oneLine = checked "one line of text" (text: !lib.hasInfix "\n" text);
  # Values of inputs are often numbers and words for yes and no.
  variable = types.oneOf [ types.str types.int types.bool ];

  # The words of a type that lists them, as its name ("report or repair") or as what it expects ("none, reboot or
  # rollback"); otherwise none.
  wordsOf =
    text:
    let
      words = lib.concatMap (lib.splitString " or ") (lib.splitString ", " text);
    in
    lib.optionals (lib.hasInfix " or " text && lib.all (word: builtins.match "[a-z0-9-]+" word != null) words) words;
  choices =
    row:
    if row.type == "text" || byName ? ${row.type} then
      [ ]
    else if wordsOf row.type != [ ] then
      wordsOf row.type
    else
      wordsOf row.expects;
in
{
  inherit choices;
  # Types that have neither an entry above nor a list of words are taken as text: `klubster config check`, which
  # runs when the tree is built, still holds the value against the program's own idea of it.
  typeOf =
    row:
    if row.secret then
      types.str
    else
      byName.${row.type} or (
        if choices row != [ ] then
          types.enum (choices row)
        else if row.newline then
          variable
        else
          oneLine
      );
  isKnown = row: row.secret || row.type == "text" || byName ? ${row.type} || choices row != [ ];
}
