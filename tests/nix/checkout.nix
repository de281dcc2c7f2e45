# The module together with NixOS' own modules, from KLUBSTER_NIXOS, a checkout of nixpkgs or that part of one that is
# named here. `_module.check` is off and packages are stand-ins: a NixOS as a whole needs real ones.
#
# The checkout's own `lib` is taken, or else KLUBSTER_NIXPKGS_LIB. Gives { absent; cases = [ { what; good; words; } ]; units = { "klubster.service" = text; … }; }.
let
  nixpkgs = /. + builtins.getEnv "KLUBSTER_NIXOS";
  modules = nixpkgs + "/nixos/modules";
  lib = import (if builtins.pathExists (nixpkgs + "/lib/default.nix") then nixpkgs + "/lib" else /. + builtins.getEnv "KLUBSTER_NIXPKGS_LIB");
  klubster = import ../../nix/lib { inherit lib; };
  # By the stand-in that each takes the place of (tests/nix/nixos.nix); one that has moved has several places. The one of
  # packages is left out: it asks for half of nixpkgs.
  wanted = {
    "misc/assertions.nix" = [ "misc/assertions.nix" ];
    "misc/ids.nix" = [ "misc/ids.nix" ];
    "config/users-groups.nix" = [ "config/users-groups.nix" ];
    "services/networking/firewall.nix" = [ "services/networking/firewall.nix" ];
    "services/cluster/k3s/default.nix" = [ "services/cluster/rancher/default.nix" "services/cluster/k3s/default.nix" ];
    "system/etc/etc.nix" = [ "system/etc/etc.nix" ];
    "system/boot/systemd.nix" = [ "system/boot/systemd.nix" ];
    "system/boot/systemd/tmpfiles.nix" = [ "system/boot/systemd/tmpfiles.nix" ];
  };
  found = lib.filterAttrs (_: files: files != [ ]) (
    lib.mapAttrs (_: lib.filter (file: builtins.pathExists (modules + "/${file}"))) wanted
  );
  taken = lib.attrNames found;

  nixos = import ./nixos.nix { inherit lib; newer = false; };
  inherit (nixos) derivation;
  pkgs =
    let
      names = [
        "coreutils" "findutils" "fish" "gnugrep" "gnused" "nftables" "nixos-firewall-tool" "perl" "rke2" "shadow" "xonsh" "zsh"
      ];
      named = lib.genAttrs names (name: derivation name { });
      # What has a text of its own keeps it.
      written = name: text: derivation name { inherit text; };
    in
    named
    // nixos.pkgs
    // {
      systemd = derivation "systemd" (
        lib.genAttrs [
          "withBootloader" "withCryptsetup" "withEfi" "withHostnamed" "withImportd" "withLocaled" "withLogind" "withMachined" "withPortabled"
          "withTimedated" "withTpm2Units" "withUtmp"
        ] (_: true)
        // { util-linux = derivation "util-linux" { }; out = derivation "systemd" { }; }
      );
      libxcrypt = derivation "libxcrypt" { enabledCryptSchemeIds = [ "y" ]; };
      bashInteractive = derivation "bash" { shellPath = "/bin/bash"; };
      perl = named.perl // { withPackages = _: named.perl; };
      runCommand = name: attributes: script: derivation name (attributes.passthru or { } // { inherit attributes script; });
      runCommandLocal = name: attributes: script: derivation name (attributes.passthru or { } // { inherit attributes script; });
      writeText = written;
      writeTextFile = { name, text, ... }: written name text;
      writeTextDir = path: written (baseNameOf path);
      writeShellScript = written;
      symlinkJoin = { name, paths, ... }: derivation name { inherit paths; };
      linkFarm = name: _: derivation name { };
      formats = lib.genAttrs [ "json" "yaml" "ini" "keyValue" "systemd" ] (_: _: { type = lib.types.raw; generate = written; });
      xorg.lndir = derivation "lndir" { };
      lndir = derivation "lndir" { };
      buildPackages = pkgs;
      stdenv = nixos.pkgs.stdenv // { hostPlatform = { is64bit = true; isLinux = true; system = "x86_64-linux"; }; };
    };

  # Options of modules that are not taken, as far as the taken ones read them.
  world =
    { config, lib, ... }:
    let
      inherit (lib) mkOption types;
      value = default: mkOption { type = types.anything; inherit default; };
    in
    {
      options = {
        boot.isContainer = value false;
        boot.extraSystemdUnitPaths = value [ ];
        boot.initrd.systemd.enable = value false;
        boot.initrd.systemd.storePaths = value [ ];
        boot.kernelPackages.kernel.version = value "6.12";
        lib = value { };
        networking.nftables.enable = value false;
        networking.proxy.envVars = value { };
        nix.enable = value true;
        services.openssh.package = value (derivation "openssh" { });
        system.fsPackages = value [ ];
        systemd.sysusers.enable = value false;
        systemd.user.generators = value { };
        users.defaultUserShell = value pkgs.bashInteractive;
        boot.zfs.enabled = value false;
        meta = value { };
      };
      config = {
        _module.check = false;
        _module.args.utils = import (nixpkgs + "/nixos/lib/utils.nix") { inherit config lib pkgs; };
        lib.kernelConfig.isEnabled = option: option;
      };
    };

  evaluate =
    more:
    (lib.evalModules {
      modules =
        map (files: modules + "/${lib.head files}") (lib.attrValues found)
        ++ [ (nixos.moduleWithout taken) world ../../nix/module.nix ]
        ++ more;
      specialArgs = { inherit pkgs; };
    }).config;
  complaints = config: map (check: check.message) (lib.filter (check: !check.assertion) config.assertions);
  ours = lib.filter (message: lib.hasInfix "klubster" message);

  named = name: { networking.hostName = name; };
  n1 = evaluate [ ../../examples/nixos/three-nodes.nix (named "n1") { services.openssh.enable = true; } ];
  n2 = evaluate [ ../../examples/nixos/three-nodes.nix ../../nix/k3s.nix (named "n2") { services.klubster.k3s.enable = true; } ];
  fleet = evaluate [ ../../examples/nixos/fleet.nix ];
  image = evaluate [ ../../nix/image.nix ];
  unitsOf = config: lib.filterAttrs (name: _: lib.hasPrefix "klubster" name) config.systemd.units;
  textOf = name: n1.systemd.units.${name}.text;
  has = text: line: lib.elem line (lib.splitString "\n" text);
  same = what: found: expected: {
    inherit what;
    good = found == expected;
    words = "expected ${builtins.toJSON expected}, found ${builtins.toJSON found}";
  };
  true' = what: found: same what found true;
in
{
  # Where these have gone has to be said in `wanted`.
  absent = lib.filter (name: !lib.elem name taken) (lib.attrNames wanted);
  cases = [
    (same "no assertion of NixOS or ours fails" (map complaints [ n1 n2 fleet image ]) [ [ ] [ ] [ ] [ ] ])
    (same "NixOS warns of nothing of ours" (map (config: ours config.warnings) [ n1 fleet image ]) [ [ ] [ ] [ ] ])
    (same "a mistake is one of NixOS' assertions" (
      builtins.length (complaints (evaluate [ ../../examples/nixos/three-nodes.nix (named "n4") ]))
    ) 1)
    (true' "klubster.service: the secret" (has (textOf "klubster.service") "LoadCredential=klubster.cluster.token:/run/agenix/klubster-token"))
    (true' "klubster.service: restarted in one step" (has (textOf "klubster.service") "X-StopIfChanged=false"))
    (true' "klubster.service: reloaded when the tree changes" (lib.hasInfix "\nX-Reload-Triggers=" (textOf "klubster.service")))
    (true' "klubster.service: nothing that the package's own unit says" (
      lib.all (word: !lib.hasInfix word (textOf "klubster.service")) [ "ExecStart" "Description" "Protect" "Type=" ]
    ))
    (true' "klubster-media.service: finds blkid" (
      builtins.match ".*\nEnvironment=\"PATH=[^\n]*-util-linux(-bin)?/bin[:\"].*" (textOf "klubster-media.service") != null
    ))
    (same "what [Install] of the units says is done" (
      lib.mapAttrs (name: _: { inherit (n1.systemd.units.${name}) wantedBy requiredBy; }) (
        lib.filterAttrs (_: install: install.wantedBy ++ install.requiredBy != [ ]) klubster.units.installs
      )
    ) (lib.filterAttrs (_: install: install.wantedBy ++ install.requiredBy != [ ]) klubster.units.installs))
    (true' "klubster-recovery.target: wants ssh" (has (textOf "klubster-recovery.target") "Wants=sshd.service"))
    (same "the package brings the units, and becomes no second one" (
      [ (lib.elem "klubster" (map (package: package.name) n1.systemd.packages)) ]
      ++ lib.unique (map (unit: unit.overrideStrategy) (lib.attrValues (unitsOf n1)))
    ) [ true "asDropinIfExists" ])
    (same "its directories" (lib.filter (package: package.name or "" == "klubster") n1.systemd.tmpfiles.packages != [ ]) true)
    (same "/etc/klubster is a link into the store" [
      (toString n1.environment.etc.klubster.source)
      (n1.environment.etc.klubster.mode or "symlink")
    ] [ "${n1.services.klubster.tree}" "symlink" ])
    (same "/etc/issue.d" (toString n1.environment.etc."issue.d/50-klubster.issue".source) "/run/klubster/issue")
    (true' "the firewall opens the peers' port beside the others" (
      lib.sort lib.lessThan n1.networking.firewall.allowedTCPPorts == [ 2379 2380 9446 ]
    ))
    (true' "and K3s' ports" (
      lib.all (port: lib.elem port n2.networking.firewall.allowedTCPPorts) [ 6443 10250 ]
      && lib.elem 8472 n2.networking.firewall.allowedUDPPorts
      && lib.elem "cni0" n2.networking.firewall.trustedInterfaces
    ))
    (true' "the hardware watchdog" (
      has n1.environment.etc."systemd/system.conf".text "RuntimeWatchdogSec=1min"
    ))
    (same "the peers' user and its group" [
      { inherit (n1.users.users.klubster-peer) isSystemUser group; }
      (n1.users.groups ? klubster-peer)
    ] [ { isSystemUser = true; group = "klubster-peer"; } true ])
    (same "K3s of NixOS' own beside ours is refused" (
      ours (complaints (evaluate [
        ../../examples/nixos/three-nodes.nix
        ../../nix/k3s.nix
        (named "n1")
        { services.klubster.k3s.enable = true; services.k3s = { enable = true; tokenFile = "/run/token"; }; }
      ])) != [ ]
    ) true)
  ];
  units = lib.mapAttrs (_: unit: unit.text) (unitsOf n1);
}
