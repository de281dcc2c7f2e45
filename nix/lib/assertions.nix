# What is wrong with a configuration before anything is built: a list of { name; assertion; message; }.
#
# `klubster config check` finds more when the tree is built; here stands what would be found late otherwise
# (on the machine, or never) and what only the NixOS side can know.
{ lib, schema, tree }:
{
  cfg, # config.services.klubster
  hostName,
  storeDir ? builtins.storeDir,
  bootCountingAvailable ? false,
}:
let
  inherit (lib) concatStringsSep filter concatMap attrNames optional;

  option = "services.klubster";
  files = tree.files { inherit (cfg) settings overlays unset lock; };

  # A file's key without its overlay and its mark.
  keyOf =
    file:
    let
      inOverlay = builtins.match "overlays/[^/]*/(.*)" file;
      key = if inOverlay == null then file else builtins.head inOverlay;
    in
    lib.removeSuffix ".lock" (lib.removeSuffix ".unset" key);
  valueFiles = filter (file: files.${file} != null && !lib.hasPrefix "match/" (keyOf file)) (attrNames files);
  markFiles = filter (file: files.${file} == null) (attrNames files);
  rowOf = file: schema.find (keyOf file);

  set = key: lib.any (file: keyOf file == key) valueFiles || cfg.credentials ? ${key};
  setBelow = directory: lib.any (file: lib.hasPrefix "${directory}/" (keyOf file)) valueFiles;
  filesOf = key: filter (file: keyOf file == key) valueFiles;

  bundled = cfg.bundledProfile != null;
  later = cfg.completedAtBoot;

  quoted = names: concatStringsSep ", " (map (name: "`${name}`") names);
  # Fails when `bad` names something.
  none = name: bad: message: {
    inherit name;
    assertion = bad == [ ];
    message = "${option}: ${message bad}";
  };
  must = name: assertion: message: {
    inherit name assertion;
    message = "${option}: ${message}";
  };

  overlayNames = concatMap (kind: map (name: { inherit kind name; }) (attrNames (cfg.overlays.${kind} or { }))) tree.kinds;
  overlayText = overlay: "overlays.${overlay.kind}.${overlay.name}";
  overlayFits =
    overlay:
    if overlay.kind == "mode" then
      lib.elem overlay.name [ "server" "agent" "stack" "single-node" ]
    else if overlay.kind == "node" then
      schema.fitsPlaceholder "<name>" overlay.name
    else
      builtins.match "[a-z0-9][a-z0-9-]{0,62}" overlay.name != null;

  # An overlay may not set what decides whether it applies.
  decides = {
    environment = [ "node/name" "node/environment" "cluster/name" ];
    cluster = [ "node/name" "node/environment" "cluster/name" ];
    mode = [ "node/name" "node/environment" "cluster/name" "node/modes" ];
    node = [ "node/name" ];
  };
  selectors = concatMap (
    overlay:
    map (key: "${key} in ${overlayText overlay}") (
      filter (key: files ? "overlays/${overlay.kind}=${overlay.name}/${key}") decides.${overlay.kind}
    )
  ) overlayNames;

  modesFiles = filter (file: lib.hasSuffix "/modes" (keyOf file)) valueFiles;
  wordsOf = text: filter (word: word != "") (lib.splitString " " text);
  badModes = filter (file: wordsOf files.${file} == [ ] || lib.unique (wordsOf files.${file}) != wordsOf files.${file}) modesFiles;

  # Who this machine is, when the configuration says so: by name, not by match/.
  byMatch = lib.any (file: lib.hasInfix "/match/" file) (attrNames files);
  name = if cfg.settings.node.name != null then cfg.settings.node.name else hostName;
  isDefaultName = lib.elem name [ "" "nixos" "debian" "localhost" ];
  memberNames = lib.unique (
    map (file: builtins.elemAt (lib.splitString "/" (keyOf file)) 1) (
      filter (file: lib.hasPrefix "members/" (keyOf file)) valueFiles
    )
  );
  baseMembers = cfg.settings.members;
  baseModes = cfg.settings.node.modes;
  isServer = modes: modes != null && (lib.elem "server" modes || lib.elem "single-node" modes);
  firstServer = cfg.settings.cluster.first-server;

  # "MAC 02:00:… of blue-1 and green-1"
  claims = concatMap (
    node:
    let
      match = cfg.overlays.node.${node}.match;
    in
    concatMap (fact: map (value: { inherit node; what = "${fact} ${lib.toLower value}"; }) match.${fact}) (attrNames match)
  ) (attrNames cfg.overlays.node);
  # Machines are told apart by all of a node's facts together; the same value twice is a mistake where it is the only fact.
  onlyFact = node: builtins.length (filter (values: values != [ ]) (lib.attrValues cfg.overlays.node.${node}.match)) == 1;
  claimants = what: lib.unique (map (claim: claim.node) (filter (claim: claim.what == what && onlyFact claim.node) claims));
  doubleClaims = filter (what: builtins.length (claimants what) > 1) (lib.unique (map (claim: claim.what) claims));

  credentialNames = attrNames cfg.credentials;
  inStore = path: lib.hasPrefix "${storeDir}/" (toString path);

  plainUrls = filter (
    file:
    (keyOf file == "profile/url" || lib.hasPrefix "profile/mirrors.d/" (keyOf file)) && lib.hasPrefix "http://" files.${file}
  ) valueFiles;

  limitOf = file: if lib.hasPrefix "inputs/" (keyOf file) then 32768 else 65536;
in
[
  (none "names" (filter (file: rowOf file == null) valueFiles) (
    bad:
    "no key of the config tree has this form: ${quoted (map keyOf bad)}. Inputs are named like environment variables "
    + "(A-Z, 0-9, _), nodes like hosts, entries of a list with letters, digits, `-`, `.` and `_`; at most 63 characters."
  ))
  (none "marks" (filter (file: !schema.isKeyOrDirectory (keyOf file)) markFiles) (
    bad: "`unset` and `lock` take keys and directories of keys; found ${quoted (map keyOf bad)}. `klubster config keys` prints all."
  ))
  (none "overlay-names" (filter (overlay: !overlayFits overlay) overlayNames) (
    bad:
    "overlays are named after environments, clusters and nodes (a-z, 0-9, -) and after the modes server, agent, stack "
    + "and single-node; found ${quoted (map overlayText bad)}."
  ))
  (none "selectors" selectors (
    bad: "an overlay may not set what decides whether it applies: ${quoted bad}. Set it in the settings, or in the node's overlay."
  ))
  (none "secrets" (filter (file: (rowOf file).secret or false) valueFiles) (
    bad:
    "${quoted (map keyOf bad)} would be readable by everybody in ${storeDir}. Let agenix or sops-nix put the secret in a "
    + "file and write ${option}.credentials.\"${keyOf (builtins.head bad)}\" = \"/run/agenix/…\", or hand the machine a "
    + "systemd credential named klubster.${lib.replaceStrings [ "/" ] [ "." ] (keyOf (builtins.head bad))}."
  ))
  (none "credential-keys" (filter (key: schema.find key == null) credentialNames) (
    bad: "credentials are named by key (\"cluster/token\", \"secrets/REGISTRY_PASSWORD\"); no key is named ${quoted bad}."
  ))
  (none "credential-in-store" (filter (key: !cfg.credentials.${key}.encrypted && inStore cfg.credentials.${key}.file) credentialNames) (
    bad:
    "the files of ${quoted (map (key: "credentials.\"${key}\"") bad)} lie in ${storeDir}, where everybody can read them. "
    + "Give the path as a string (\"/run/agenix/token\"), not as a path of the Nix language; or set `encrypted = true` "
    + "for what `systemd-creds encrypt` made."
  ))
  (none "credential-path" (filter (key: !lib.hasPrefix "/" (toString cfg.credentials.${key}.file)) credentialNames) (
    bad: "a credential's file is given as an absolute path: ${quoted (map (key: "credentials.\"${key}\"") bad)}."
  ))
  (none "modes-form" badModes (
    bad: "modes are one or several words, each at most once: ${quoted bad}."
  ))
  (must "modes" (later || set "node/modes" || lib.any (file: lib.hasPrefix "members/" (keyOf file)) modesFiles) (
    "nobody says what this node does. Set ${option}.settings.node.modes = [ \"single-node\" ], or list the cluster's "
    + "machines in ${option}.members.<name>.modes. If a medium, credentials or the kernel command line say it at boot, "
    + "set ${option}.completedAtBoot = true."
  ))
  (must "host-name" (later || byMatch || !isDefaultName || lib.length memberNames < 2) (
    "this node's name would be `${name}`, which every new machine has. Set networking.hostName (or "
    + "${option}.settings.node.name) to one of its members: ${quoted memberNames}; or describe the machine in "
    + "${option}.overlays.node.<name>.match."
  ))
  (must "member" (later || byMatch || isDefaultName || memberNames == [ ] || lib.elem name memberNames) (
    "`${name}` (networking.hostName, or ${option}.settings.node.name) is not among the members: ${quoted memberNames}."
  ))
  (must "modes-agree"
    (baseModes == null || !baseMembers ? ${name} || baseMembers.${name}.modes == null || baseMembers.${name}.modes == baseModes)
    "settings.node.modes and members.${name}.modes differ; leave settings.node.modes out, the member entry is enough."
  )
  (must "first-server"
    (firstServer == null || baseMembers == { } || isServer (baseMembers.${firstServer}.modes or null))
    "settings.cluster.first-server is `${toString firstServer}`, which is no member with the mode server."
  )
  (must "profile" (later || bundled || set "profile/url" || set "profile/path") (
    "no profile is assigned. Set ${option}.settings.profile.url or .path, or ${option}.bundledProfile for one that is "
    + "part of the system."
  ))
  (must "profile-place" (!(cfg.settings.profile.url != null && cfg.settings.profile.path != null)) (
    "settings.profile.url and settings.profile.path are both set; the package comes from one place (and its mirrors.d)."
  ))
  (must "core-place" (!(cfg.settings.core.url != null && cfg.settings.core.path != null)) (
    "settings.core.url and settings.core.path are both set; the bundle of Core comes from one place."
  ))
  (must "core-digest" (cfg.settings.core.url == null || set "core/sha256") (
    "settings.core.url needs settings.core.sha256, which proves what is fetched."
  ))
  (must "bundled-profile" (!bundled || filesOf "profile/url" ++ filesOf "profile/path" ++ filesOf "profile/sha256" == [ ]) (
    "bundledProfile sets profile/path and profile/sha256; found ${
      quoted (filesOf "profile/url" ++ filesOf "profile/path" ++ filesOf "profile/sha256")
    } as well."
  ))
  (must "profile-trust"
    (later || bundled || !(set "profile/url" || set "profile/path") || set "profile/sha256" || setBelow "profile/trusted-keys.d"
      || lib.any (lib.hasPrefix "profile/trusted-keys.d/") credentialNames)
    (
      "nobody says which package is the right one: steps run as root, so nothing is taken on trust. Name its signer in "
      + "${option}.settings.profile.\"trusted-keys.d\".<name> (the line RW… of the signer's .pub file), or pin "
      + "${option}.settings.profile.sha256."
    )
  )
  (must "profile-http" (plainUrls == [ ] || set "profile/sha256") (
    "${quoted plainUrls}: http:// is taken only when ${option}.settings.profile.sha256 pins the package; use https://."
  ))
  (none "match" doubleClaims (
    bad:
    "a machine can be one node only: ${
      concatStringsSep "; " (map (what: "${what} is claimed by ${quoted (claimants what)}") bad)
    }."
  ))
  (none "size" (filter (file: builtins.stringLength files.${file} > limitOf file) valueFiles) (
    bad: "too large (64 KiB; inputs 32 KiB): ${quoted bad}. Put it into the profile's package."
  ))
  (must "boot-counting" (!cfg.bootCounting || bootCountingAvailable) (
    "bootCounting needs boot.loader.systemd-boot.enable and a nixpkgs that has boot.loader.systemd-boot.bootCounting "
    + "(NixOS 26.11)."
  ))
]
