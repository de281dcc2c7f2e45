# What the module sets beside the tree. Gives [ { what; good; words; } ].
let
  inherit (import ./eval.nix) lib evaluate evaluateWith complaints;
  klubster = import ../../nix/lib { inherit lib; };
  base = {
    networking.hostName = "n1";
    services.klubster = {
      enable = true;
      settings.node.modes = [ "single-node" ];
      settings.profile.url = "https://profiles.example.org/a.tgz";
      settings.profile."trusted-keys.d".us = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    };
  };
  with' = klubsterConfig: evaluate [ base { services.klubster = klubsterConfig; } ];
  plain = evaluate [ base ];
  files = config: config.services.klubster.treeDescription.files;
  same = what: found: expected: {
    inherit what;
    good = found == expected;
    words = "expected ${builtins.toJSON expected}, found ${builtins.toJSON found}";
  };
  image = evaluate [ ../../nix/image.nix ];
  # The machines of the VM tests, which only a Nix builder can run.
  vmTests = import ../../nix/tests { nixosModules = { default = { }; k3s = ../../nix/k3s.nix; image = ../../nix/image.nix; }; };
  vmMachines = lib.concatMap (
    test: lib.mapAttrsToList (machine: module: { name = "${test}, ${machine}"; module = module; host = machine; }) vmTests.${test}.nodes
  ) (lib.filter (test: klubster.schema.has "recovery/reboots" || !lib.elem test [ "recovery" "rollback" ]) (lib.attrNames vmTests));
  k3s = evaluate [ base ../../nix/k3s.nix { services.klubster.k3s.enable = true; services.klubster.openFirewall = true; } ];
in
[
  (same "one store directory is linked as /etc/klubster" plain.environment.etc.klubster.source.name "klubster-config")
  (same "the message of the day, unless there is another" [
    plain.users.motdFile
    (evaluate [ base { users.motd = "hello"; } ]).users.motdFile
  ] [ "/run/klubster/motd" null ])
  (same "a new tree reloads the agent" (map (tree: tree.name) plain.systemd.services.klubster.reloadTriggers) [ "klubster-config" ])
  (same "what [Install] of the units says is done" (
    lib.filterAttrs (_: install: install.wantedBy ++ install.requiredBy != [ ]) (
      lib.mapAttrs (name: _: { inherit (plain.systemd.services.${lib.removeSuffix ".service" name} or { wantedBy = [ ]; requiredBy = [ ]; }) wantedBy requiredBy; }) klubster.units.installs
    )
  ) (lib.filterAttrs (_: install: install.wantedBy ++ install.requiredBy != [ ]) klubster.units.installs))
  (same "klubster.service and klubster-media.service start at boot" [
    klubster.units.installs."klubster.service".wantedBy
    klubster.units.installs."klubster-media.service".wantedBy
  ] [ [ "multi-user.target" ] [ "multi-user.target" ] ])
  (same "nothing but reload, credentials and tools is added to the units" (lib.attrNames plain.systemd.services.klubster.serviceConfig) [ "LoadCredential" "LoadCredentialEncrypted" ])
  (same "nothing when it is not enabled" (evaluate [ { networking.hostName = "x"; } ]).environment.etc { })
  (same "credentials, plain and encrypted" (with' {
    credentials."cluster/token" = "/run/agenix/token";
    credentials."secrets/A" = { file = "/etc/a.cred"; encrypted = true; };
  }).systemd.services.klubster.serviceConfig {
    LoadCredential = [ "klubster.cluster.token:/run/agenix/token" ];
    LoadCredentialEncrypted = [ "klubster.secrets.A:/etc/a.cred" ];
  })
  (same "the firewall stays shut" plain.networking.firewall.allowedTCPPorts [ ])
  (same "openFirewall opens the port of the schema" (with' { openFirewall = true; }).networking.firewall.allowedTCPPorts [ 9446 ])
  (same "openFirewall opens the port that is set" (with' { openFirewall = true; settings.peering.listen = "[::1]:1234"; }).networking.firewall.allowedTCPPorts [ 1234 ])
  (same "path becomes steps/path.d, in order, the system's tools last" (lib.filterAttrs (name: _: lib.hasPrefix "steps/" name) (files (evaluate [
    base
    ({ pkgs, ... }: { services.klubster.path = [ pkgs.k3s "/opt/bin" pkgs.etcd ]; })
  ]))) {
    "steps/path.d/100-k3s" = "/nix/store/00000000000000000000000000000000-k3s/bin";
    "steps/path.d/101-path" = "/opt/bin";
    "steps/path.d/102-etcd" = "/nix/store/00000000000000000000000000000000-etcd/bin";
    "steps/path.d/900-system" = "/run/current-system/sw/bin";
  })
  (same "a bundled profile is pinned by its digest" (
    let
      config = evaluate [ base { services.klubster = { bundledProfile = "/srv/a.tgz"; settings.profile.url = lib.mkForce null; }; } ];
    in
    [ (complaints config) (files config)."profile/path" config.services.klubster.treeDescription.digests ]
  ) [ [ ] "/srv/a.tgz" { "profile/sha256" = "/srv/a.tgz"; } ])
  (same "an image that is completed at boot may know nothing" (complaints (evaluate [
    { services.klubster = { enable = true; completedAtBoot = true; }; }
  ])) [ ])
  (same "the image knows no cluster, has K3s and a profile that is pinned" [
    (complaints image)
    image.services.klubster.checkTree
    (lib.attrNames (files image))
    (lib.attrNames image.services.klubster.treeDescription.digests)
    image.boot.initrd.kernelModules
  ] [
    [ ]
    false
    ([ "profile/path" ] ++ map (name: "steps/path.d/${name}") [
      "100-k3s" "101-kubernetes-helm" "102-iptables" "103-ethtool" "104-conntrack-tools" "105-socat" "106-openssl" "900-system"
    ])
    [ "profile/sha256" ]
    [ "dmi_sysfs" "qemu_fw_cfg" ]
  ])
  (same "recovery mode wants ssh where there is ssh" (evaluate [ base { services.openssh.enable = true; } ]).systemd.targets.klubster-recovery.wants [ "sshd.service" ])
  (same "or the socket by which it starts" (evaluate [ base { services.openssh = { enable = true; startWhenNeeded = true; }; } ]).systemd.targets.klubster-recovery.wants [ "sshd.socket" ])
  (same "and nothing where there is none" plain.systemd.targets { })
  (same "a boot entry for recovery mode" (with' { recovery.bootEntry = true; }).specialisation.klubster-recovery.configuration.boot.kernelParams [ "klubster.recovery=1" ])
  (same "boots are counted with systemd-boot" (evaluate [ base { boot.loader.systemd-boot.enable = true; } ]).boot.loader.systemd-boot.bootCounting.enable true)
  (same "and not without it" plain.boot.loader.systemd-boot.bootCounting.enable false)
  (same "an older nixpkgs has no boot counting" (
    let
      older = evaluateWith { newer = false; } [ base { boot.loader.systemd-boot.enable = true; } ];
    in
    [ (complaints older) older.services.klubster.bootCounting (older.boot.loader.systemd-boot ? bootCounting) ]
  ) [ [ ] false false ])
  (same "asking for it there is refused" (builtins.length (complaints (evaluateWith { newer = false; } [ base { boot.loader.systemd-boot.enable = true; services.klubster.bootCounting = true; } ]))) 1)
  (same "the hardware watchdog" plain.systemd.settings.Manager.RuntimeWatchdogSec "1min")
  (same "by its older name" (evaluateWith { newer = false; } [ base ]).systemd.watchdog.runtimeTime "1min")
  (same "may be left alone" (with' { hardwareWatchdog = null; }).systemd.settings.Manager { })
  (same "Avahi only when discovery asks for it" plain.services.avahi.enable false)
  (same "mDNS brings Avahi, which may publish what klubster announces" (
    let
      avahi = (with' { settings.peering.discovery = "mdns"; openFirewall = true; }).services.avahi;
    in
    [ avahi.enable avahi.publish.enable avahi.publish.addresses avahi.publish.userServices avahi.openFirewall ]
  ) [ true true true true true ])
  (same "auto uses the Avahi that there is" (
    let
      avahi = (with' { settings.peering.discovery = "auto"; }).services.avahi;
    in
    [ avahi.enable avahi.publish.userServices ]
  ) [ false true ])
  (same "members without a token are warned of" (builtins.length (with' { members.n1.modes = [ "single-node" ]; members.n2.modes = [ "agent" ]; }).warnings) 1)
  (same "K3s: steps find it, and peers reach it" [
    (files k3s)."steps/path.d/100-k3s"
    (lib.elem 6443 k3s.networking.firewall.allowedTCPPorts)
    (lib.elem 9446 k3s.networking.firewall.allowedTCPPorts)
    (lib.elem "br_netfilter" k3s.boot.kernelModules)
  ] [ "/nix/store/00000000000000000000000000000000-k3s/bin" true true true ])
]
++ [
  (same "the image on a stick starts by EFI, too" image.image.modules.iso.isoImage { makeEfiBootable = true; makeUsbBootable = true; })
  (same "NixOS' own K3s beside a profile's is refused" (complaints (evaluate [
    base ../../nix/k3s.nix { services.klubster.k3s.enable = true; services.k3s.enable = true; }
  ])) [
    "services.klubster.k3s: services.k3s.enable is set as well, and both would start a unit named k3s.service with the same data. Leave it off: the profile starts K3s."
  ])
  (same "without our K3s it is nobody's business" (complaints (evaluate [ base ../../nix/k3s.nix { services.k3s.enable = true; } ])) [ ])
]
++ map (machine: same "the VM test ${machine.name} evaluates" (complaints (evaluate [ machine.module { networking.hostName = machine.host; } ])) [ ]) vmMachines
++ map (row: {
  what = "the type of ${row.key} is known: ${row.type}";
  good = klubster.types.isKnown row;
  words = "add it to nix/lib/types.nix (it is taken as text so far)";
}) klubster.schema.rows
