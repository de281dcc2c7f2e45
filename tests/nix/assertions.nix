# Every assertion of the module is triggered by a configuration that has this one mistake and no other.
#
# Gives [ { what; good; words; } ].
let
  inherit (import ./eval.nix) lib evaluate evaluateWith complaints;
  klubster = import ../../nix/lib { inherit lib; };

  kKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
  kToken = "kt1_not-a-real-one";
  # A node that nothing is wrong with.
  good = {
    networking.hostName = "n1";
    services.klubster = {
      enable = true;
      settings.profile.url = "https://profiles.example.org/etcd.tgz";
      settings.profile."trusted-keys.d"."10-us" = kKey;
      members.n1.modes = [ "server" "stack" ];
      members.n2.modes = [ "agent" ];
      credentials."cluster/token" = "/run/agenix/token";
    };
  };
  with' = klubsterConfig: { services.klubster = klubsterConfig; };
  text = length: lib.concatStringsSep "" (builtins.genList (_: "x") length);

  # name of the assertion, what the configuration has beside `good` (or instead of it), words of its message
  cases = [
    { name = "names"; has = with' { settings.inputs."node-address" = "10.0.0.1"; }; words = "inputs/node-address"; }
    { name = "names"; has = with' { members."Not_A_Host".modes = [ "agent" ]; }; words = "members/Not_A_Host/modes"; }
    { name = "names"; has = with' { settings.profile."mirrors.d"."-x" = "https://mirror.example.org/a"; }; words = "mirrors.d/-x"; }
    { name = "names"; has = with' { settings.node.labels."a/b/c" = "d"; }; words = "node/labels/a/b/c"; }
    { name = "marks"; has = with' { lock = [ "profile/trusted-keys" ]; }; words = "profile/trusted-keys`"; }
    { name = "marks"; has = with' { overlays.cluster.blue.unset = [ "aply/auto" ]; }; words = "aply/auto"; }
    { name = "overlay-names"; has = with' { overlays.mode.master.apply.auto = false; }; words = "overlays.mode.master"; }
    { name = "overlay-names"; has = with' { overlays.node."N 1".apply.auto = false; }; words = "overlays.node.N 1"; }
    { name = "selectors"; has = with' { overlays.cluster.blue.cluster.name = "green"; }; words = "cluster/name in overlays.cluster.blue"; }
    { name = "selectors"; has = with' { overlays.node.n1.node.name = "n2"; }; words = "node/name in overlays.node.n1"; }
    { name = "selectors"; has = with' { overlays.mode.agent.node.modes = [ "server" ]; }; words = "node/modes in overlays.mode.agent"; }
    { name = "secrets"; has = with' { settings.cluster.token = kToken; }; words = "klubster.cluster.token"; }
    { name = "secrets"; has = with' { settings.secrets.PASSWORD = "hunter2"; }; words = "credentials.\"secrets/PASSWORD\""; }
    { name = "secrets"; has = with' { overlays.environment.lab.secrets.PASSWORD = "hunter2"; }; words = "/run/agenix"; }
    { name = "credential-keys"; has = with' { credentials."cluster/tokn" = "/run/agenix/a"; }; words = "cluster/tokn"; }
    {
      name = "credential-in-store";
      has = with' { credentials."secrets/PASSWORD" = "${builtins.storeDir}/abc-password"; };
      words = "everybody can read them";
    }
    { name = "credential-path"; has = with' { credentials."secrets/PASSWORD" = "secrets/password"; }; words = "absolute path"; }
    { name = "modes-form"; has = with' { overlays.environment.lab.node.modes = [ "agent" "agent" ]; }; words = "each at most once"; }
    { name = "modes-form"; has = with' { overlays.environment.lab.node.modes = [ ]; }; words = "overlays/environment=lab/node/modes"; }
    {
      name = "modes";
      instead = {
        networking.hostName = "n1";
        services.klubster = removeAttrs good.services.klubster [ "members" ];
      };
      words = "settings.node.modes = [ \"single-node\" ]";
    }
    { name = "host-name"; has = { networking.hostName = lib.mkForce "nixos"; }; words = "n1`, `n2"; }
    { name = "member"; has = { networking.hostName = lib.mkForce "n3"; }; words = "`n3`"; }
    { name = "modes-agree"; has = with' { settings.node.modes = [ "agent" ]; }; words = "members.n1.modes differ"; }
    { name = "first-server"; has = with' { settings.cluster.first-server = "n2"; }; words = "`n2`"; }
    {
      name = "profile";
      has = with' { settings.profile.url = lib.mkForce null; };
      words = "bundledProfile";
    }
    { name = "profile-place"; has = with' { settings.profile.path = "/srv/etcd.tgz"; }; words = "one place"; }
    {
      name = "core-place";
      has = with' { settings.core = { path = "/srv/core.tar.gz"; url = "https://web/core.tar.gz"; sha256 = text 64; }; };
      words = "one place";
    }
    { name = "core-digest"; has = with' { settings.core.url = "https://web/core.tar.gz"; }; words = "settings.core.sha256"; }
    { name = "bundled-profile"; has = with' { bundledProfile = "/srv/etcd.tgz"; }; words = "profile/url"; }
    {
      name = "profile-trust";
      has = with' { settings.profile."trusted-keys.d" = lib.mkForce { }; };
      words = "trusted-keys.d";
    }
    { name = "profile-http"; has = with' { settings.profile."mirrors.d".lan = "http://10.0.0.1/etcd.tgz"; }; words = "profile/mirrors.d/lan"; }
    {
      name = "match";
      has = with' {
        overlays.node.n1.match.mac = [ "02:AA:00:00:00:01" ];
        overlays.node.n2.match.mac = [ "02:bb:00:00:00:01" "02:aa:00:00:00:01" ];
      };
      words = "mac 02:aa:00:00:00:01 is claimed by `n1`, `n2`";
    }
    { name = "size"; has = with' { settings.inputs.BIG = text 32769; }; words = "inputs/BIG"; }
    { name = "boot-counting"; has = with' { bootCounting = true; }; words = "systemd-boot"; }
  ];

  checksOf =
    config:
    klubster.assertions {
      cfg = config.services.klubster;
      inherit (config.networking) hostName;
      bootCountingAvailable = false;
    };
  brokenIn = config: map (check: check.name) (lib.filter (check: !check.assertion) (checksOf config));

  try =
    case:
    let
      config = evaluate (if case ? instead then [ case.instead ] else [ good case.has ]);
      found = lib.concatStringsSep "; " (complaints config);
    in
    {
      what = "assertion ${case.name}: ${case.words}";
      good = brokenIn config == [ case.name ] && builtins.length (complaints config) == 1 && lib.hasInfix case.words found;
      words = "found ${builtins.toJSON (brokenIn config)}: ${found}";
    };

  # Mistakes that the options' types find by themselves.
  refused = lib.mapAttrsToList (what: wrong: {
    what = "refused: ${what}";
    good = !(builtins.tryEval (builtins.deepSeq (evaluate [ good (with' wrong) ]).services.klubster.treeDescription true)).success;
    words = "it was taken";
  }) {
    "an unknown key" = { settings.profile.ulr = "https://a.example.org/b"; };
    "an unknown overlay kind" = { overlays.region.north.apply.auto = true; };
    "match outside of a node's overlay" = { overlays.mode.agent.match.mac = [ "a" ]; };
    "a word for a bool" = { settings.apply.auto = "yes"; };
    "an unknown mode" = { settings.node.modes = [ "master" ]; };
    "an address without a port" = { members.n1.address = "10.0.0.1"; };
    "a port 0" = { members.n1.address = "10.0.0.1:0"; };
    "an ftp URL" = { settings.profile."mirrors.d".a = "ftp://a.example.org/b"; };
    "a URL with a password" = { settings.profile."mirrors.d".a = "https://me:secret@a.example.org/b"; };
    "a digest in capitals" = { settings.profile.sha256 = lib.concatStringsSep "" (builtins.genList (_: "A") 64); };
    "a secret minisign key" = { settings.profile."trusted-keys.d".a = "RWRTY0Iyz8kmsMKrqk6DCtlO9a33akKiaOQG1aLolqDxs52qvPoAAAACAAAAAAAAAEAAAAAArEiggg"; };
    "an X25519 key that is short" = { members.n1.key = "MCowBQ=="; };
    "a private key as authority" = { settings.profile.ca = "-----BEGIN PRIVATE KEY-----"; };
    "a number 0" = { settings.recovery.attempts = 0; };
    "a size in words" = { settings.profile.limits.bytes = "512 MiB"; };
    "a duration without a unit" = { settings.apply.recheck = "90"; };
    "a relative path" = { settings.profile.path = "srv/a.tgz"; };
    "two lines in a label" = { settings.node.labels.zone = "a\nb"; };
    "drift: ignore" = { settings.apply.drift = "ignore"; };
  };

  names = lib.unique (map (check: check.name) (checksOf (evaluate [ good ])));
  untested = lib.filter (name: !lib.any (case: case.name == name) cases) names;
in
[
  {
    what = "the good node has no complaint and no warning";
    good = complaints (evaluate [ good ]) == [ ] && (evaluate [ good ]).warnings == [ ];
    words = builtins.toJSON (complaints (evaluate [ good ]) ++ (evaluate [ good ]).warnings);
  }
  {
    what = "every assertion has a test";
    good = untested == [ ];
    words = builtins.toJSON untested;
  }
]
++ map try cases
++ refused
