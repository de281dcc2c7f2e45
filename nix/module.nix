# The NixOS module: services.klubster. What can be said without NixOS is in nix/lib; see docs/nixos.md.
{ config, lib, options, pkgs, ... }:
let
  inherit (lib) mkDefault mkIf mkOption types;
  klubster = import ./lib { inherit lib; };
  cfg = config.services.klubster;

  # The base tools come by a path that stays the same, so that a new coreutils does not run every step again; what
  # is named in `path` comes by its store path, so that a new K3s does.
  systemTools = "/run/current-system/sw/bin";
  stepsPath =
    lib.listToAttrs (
      lib.imap0 (index: package: {
        # Three digits, so that the order of the names is the order of the list.
        name = "${toString (100 + index)}-${
          if lib.isDerivation package then lib.strings.sanitizeDerivationName (lib.getName package) else "path"
        }";
        value = if lib.isDerivation package then "${lib.getBin package}/bin" else toString package;
      }) cfg.path
    )
    // { "900-system" = systemTools; };

  description = {
    files =
      klubster.tree.files { inherit (cfg) settings overlays unset lock; }
      // lib.optionalAttrs (cfg.bundledProfile != null) { "profile/path" = "${cfg.bundledProfile}"; };
    digests = lib.optionalAttrs (cfg.bundledProfile != null) { "profile/sha256" = "${cfg.bundledProfile}"; };
  };

  canCheck = cfg.checkTree && pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
  tree = pkgs.runCommandLocal "klubster-config" {
    description = builtins.toJSON description;
    passAsFile = [ "description" ];
    nativeBuildInputs = [ pkgs.jq ];
  } ''
    ${pkgs.runtimeShell} ${./write-tree} "$descriptionPath" "$out"
    ${lib.optionalString canCheck ''
      # A tree of several nodes is checked for each of them.
      ${lib.getExe cfg.package} config check --root "$out" \
        ${if cfg.overlays.node != { } || cfg.settings.members != { } then "--all-nodes" else "--node ${lib.escapeShellArg nodeName}"} \
        ${lib.optionalString (cfg.bundledProfile != null) "--profile ${cfg.bundledProfile}"}
    ''}
  '';
  nodeName =
    if cfg.settings.node.name != null then
      cfg.settings.node.name
    else if config.networking.hostName != "" then
      config.networking.hostName
    else
      "node";

  listen = if cfg.settings.peering.listen != null then cfg.settings.peering.listen else "[::]:9446";
  peerPort = lib.toInt (lib.last (lib.splitString ":" listen));

  # null: the program's own default, which uses an Avahi that somebody else asked for.
  discovery = cfg.settings.peering.discovery;

  systemdBoot = options.boot.loader.systemd-boot or { };
  bootCountingAvailable = systemdBoot ? bootCounting && config.boot.loader.systemd-boot.enable;

  credentialType = types.submodule {
    options = {
      file = mkOption {
        type = types.either types.path types.str;
        description = "Where the secret is when klubster starts; put there by agenix, sops-nix or by hand.";
      };
      encrypted = mkOption {
        type = types.bool;
        default = false;
        description = "Whether {command}`systemd-creds encrypt` made the file. Its `--name` must be `klubster.` and the key with dots.";
      };
    };
  };
  credentialLines =
    encrypted:
    lib.mapAttrsToList (key: credential: "klubster.${lib.replaceStrings [ "/" ] [ "." ] key}:${credential.file}") (
      lib.filterAttrs (_: credential: credential.encrypted == encrypted) cfg.credentials
    );
in
{
  options.services.klubster = {
    enable = lib.mkEnableOption "klubster, the agent that makes this machine a part of its cluster";

    package = mkOption {
      type = types.package;
      default = pkgs.klubster or (pkgs.callPackage ./package.nix { });
      defaultText = lib.literalExpression "pkgs.klubster";
      description = "The klubster package.";
    };

    inherit (klubster.options) settings overlays members;
    inherit (klubster.options.marks) unset lock;

    credentials = mkOption {
      default = { };
      example = { "cluster/token" = "/run/agenix/klubster-token"; };
      description = ''
        Secrets (and other values) that come from a file of this machine, by key. They reach the agent as systemd
        credentials and never enter the store.
      '';
      type = types.attrsOf (types.coercedTo (types.either types.path types.str) (file: { inherit file; }) credentialType);
    };

    bundledProfile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression ''config.services.klubster.package.packProfile { src = ./profile; }'';
      description = ''
        A profile's package that is part of the system: the tree gets its path and its SHA-256, so it needs neither a
        web server nor a signature.
      '';
    };

    path = mkOption {
      type = types.listOf (types.either types.package types.path);
      default = [ ];
      example = lib.literalExpression "[ pkgs.k3s pkgs.kubernetes-helm ]";
      description = ''
        Where steps find their tools, beside those of the system ({file}`${systemTools}`); becomes
        {file}`steps/path.d`. A new version of a package that is named here is a change that `klubster plan` shows.
      '';
    };

    completedAtBoot = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether a medium, credentials or the kernel command line bring what this configuration does not say (an image
        for many machines). Nothing is then asked for that might still come.
      '';
    };

    checkTree = mkOption {
      type = types.bool;
      default = !cfg.completedAtBoot;
      defaultText = lib.literalExpression "!config.services.klubster.completedAtBoot";
      description = "Whether {command}`klubster config check` must accept the tree before the system can be built.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to open the port of {option}`services.klubster.settings.peering.listen` (TCP, default 9446) for the other members.";
    };

    importFirmwareCredentials = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether to load, in the initial RAM disk, the kernel modules by which systemd reads credentials that a virtual
        machine's host hands over (SMBIOS strings of type 11, QEMU's fw_cfg).
      '';
    };

    recovery = {
      ssh = mkOption {
        type = types.bool;
        default = config.services.openssh.enable;
        defaultText = lib.literalExpression "config.services.openssh.enable";
        description = "Whether recovery mode ({file}`klubster-recovery.target`) wants sshd.";
      };
      bootEntry = mkOption {
        type = types.bool;
        default = false;
        description = "Whether to add a boot entry (a specialisation) that begins in recovery mode.";
      };
    };

    bootCounting = mkOption {
      type = types.bool;
      default = bootCountingAvailable;
      defaultText = lib.literalMD "whether systemd-boot is used and nixpkgs has its boot counting";
      description = "Whether a system generation that does not come up three times makes way for the one before it.";
    };

    hardwareWatchdog = mkOption {
      type = types.nullOr types.str;
      default = "1min";
      description = "How long systemd may hang before the hardware watchdog, where there is one, restarts the machine; null: leave it alone.";
    };

    tree = mkOption {
      type = types.package;
      readOnly = true;
      internal = true;
      default = tree;
      description = "The config tree, one directory in the store.";
    };
    treeDescription = mkOption {
      type = types.raw;
      readOnly = true;
      internal = true;
      default = description;
      description = "What nix/write-tree makes the tree from.";
    };
  };

  config = mkIf cfg.enable (lib.mkMerge [
    {
      assertions =
        map (check: { inherit (check) assertion message; }) (
          klubster.assertions {
            inherit cfg bootCountingAvailable;
            hostName = config.networking.hostName;
          }
        );
      warnings =
        lib.optional
          (
            !cfg.completedAtBoot && lib.length (lib.attrNames cfg.settings.members) > 1
            && !cfg.credentials ? "cluster/token"
          )
          "services.klubster: the cluster has several members, and nothing here brings its token: hand each machine the systemd credential klubster.cluster.token, or set services.klubster.credentials.\"cluster/token\".";

      services.klubster.settings = {
        members = lib.mapAttrs (_: lib.filterAttrs (_: value: value != null)) cfg.members;
        steps."path.d" = stepsPath;
      };

      environment.etc.klubster.source = cfg.tree;
      # The prompt of the console. agetty reads /etc/issue.d, since NixOS has an /etc/issue.
      environment.etc."issue.d/50-klubster.issue".source = "/run/klubster/issue";
      # And after a login: NixOS gives pam_motd one file, not a directory.
      users.motdFile = mkIf (lib.elem config.users.motd [ null "" ]) (mkDefault "/run/klubster/motd");
      environment.systemPackages = [ cfg.package ];

      systemd.packages = [ cfg.package ];
      systemd.tmpfiles.packages = [ cfg.package ];
      services.dbus.packages = [ cfg.package ];
      services.udev.packages = [ cfg.package ];
      security.polkit.enable = mkDefault true;

      users.users.klubster-peer = {
        isSystemUser = true;
        group = "klubster-peer";
        home = "/var/lib/klubster-peer";
        description = "klubster peer exchange";
      };
      users.groups.klubster-peer = { };

      systemd.services = lib.mkMerge [
        (lib.concatMapAttrs (unit: install: lib.optionalAttrs (lib.hasSuffix ".service" unit && install != { wantedBy = [ ]; requiredBy = [ ]; }) {
          ${lib.removeSuffix ".service" unit} = install;
        }) klubster.units.installs)
        {
          klubster = {
            # /etc/klubster is a link that is exchanged: inotify does not see that.
            reloadTriggers = [ cfg.tree ];
            # The steps go on meanwhile, and the next klubsterd adopts them.
            stopIfChanged = false;
            serviceConfig = {
              LoadCredential = credentialLines false;
              LoadCredentialEncrypted = credentialLines true;
            };
          };
          # blkid
          klubster-media.path = [ pkgs.util-linux ];
        }
      ];

      networking.firewall.allowedTCPPorts = mkIf cfg.openFirewall [ peerPort ];
      boot.initrd.kernelModules = mkIf cfg.importFirmwareCredentials [ "dmi_sysfs" "qemu_fw_cfg" ];

      systemd.targets.klubster-recovery = mkIf cfg.recovery.ssh {
        wants = [ (if config.services.openssh.startWhenNeeded then "sshd.socket" else "sshd.service") ];
      };

      services.avahi = mkIf (lib.elem discovery [ "auto" "mdns" ]) {
        enable = mkIf (discovery == "mdns") (mkDefault true);
        # A service is found by its host's address, so that is published, too.
        publish = {
          enable = mkDefault true;
          addresses = mkDefault true;
          userServices = mkDefault true;
        };
        openFirewall = mkDefault cfg.openFirewall;
      };
    }
    (mkIf cfg.recovery.bootEntry {
      specialisation.klubster-recovery.configuration.boot.kernelParams = [ "klubster.recovery=1" ];
    })
    # Options that not every nixpkgs has.
    (lib.optionalAttrs (systemdBoot ? bootCounting) {
      boot.loader.systemd-boot.bootCounting.enable = mkIf cfg.bootCounting true;
    })
    (mkIf (cfg.hardwareWatchdog != null) (
      if options.systemd ? settings then
        { systemd.settings.Manager.RuntimeWatchdogSec = mkDefault cfg.hardwareWatchdog; }
      else
        { systemd.watchdog.runtimeTime = mkDefault cfg.hardwareWatchdog; }
    ))
  ]);
}
