# The options of NixOS that nix/module.nix sets, declared as NixOS declares them as far as that matters here, and
# packages that are never built.
{ lib, newer ? true }:
let
  inherit (lib) mkOption types;
  list = type: mkOption { type = types.listOf type; default = [ ]; };
  set = type: mkOption { type = types.attrsOf type; default = { }; };
  flag = mkOption { type = types.bool; default = false; };
  text = mkOption { type = types.str; default = ""; };
  value = mkOption { type = types.nullOr types.raw; default = null; };

  unit = types.submodule {
    options = {
      wantedBy = list types.str;
      requiredBy = list types.str;
      wants = list types.str;
      after = list types.str;
      path = list types.raw;
      reloadTriggers = list types.raw;
      stopIfChanged = mkOption { type = types.bool; default = true; };
      serviceConfig = set types.raw;
    };
  };
  etcEntry = types.submodule { options = { source = value; text = value; }; };
  account = types.submodule {
    options = {
      isSystemUser = flag;
      group = text;
      home = text;
      description = text;
    };
  };

  derivation = name: extra: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
  } // extra;

  # By the file below nixos/modules that declares them; tests/nix/checkout.nix takes the file itself where it can.
  byModule = {
    "misc/assertions.nix" = {
      assertions = list types.raw;
      warnings = list types.str;
    };
    "services/networking/firewall.nix" = {
      networking.firewall.allowedTCPPorts = list types.port;
      networking.firewall.allowedUDPPorts = list types.port;
      networking.firewall.trustedInterfaces = list types.str;
    };
    "services/cluster/k3s/default.nix" = { services.k3s.enable = flag; };
    "system/etc/etc.nix" = { environment.etc = set etcEntry; };
    "system/boot/systemd.nix" = {
      systemd = {
        packages = list types.raw;
        services = set unit;
        targets = set unit;
      } // (if newer then { settings.Manager = set types.raw; } else { watchdog.runtimeTime = value; });
    };
    "system/boot/systemd/tmpfiles.nix" = {
      systemd.tmpfiles.packages = list types.raw;
      systemd.tmpfiles.rules = list types.str;
    };
    "config/users-groups.nix" = {
      users.users = set account;
      users.groups = set types.raw;
    };
  };
  others = {
    networking.hostName = mkOption { type = types.str; default = "nixos"; };
    networking.useDHCP = flag;
    networking.defaultGateway = value;
    environment.systemPackages = list types.raw;
    hardware.enableAllHardware = flag;
    image.modules = set types.raw;
    security.polkit.enable = flag;
    services.dbus.packages = list types.raw;
    services.udev.packages = list types.raw;
    services.openssh = {
      enable = flag;
      startWhenNeeded = flag;
      settings = set types.raw;
    };
    services.avahi = {
      enable = flag;
      openFirewall = flag;
      publish.enable = flag;
      publish.addresses = flag;
      publish.userServices = flag;
    };
    users.motd = text;
    users.motdFile = value;
    boot = {
      kernelModules = list types.str;
      kernelParams = list types.str;
      supportedFilesystems = list types.str;
      kernel.sysctl = set types.raw;
      initrd.kernelModules = list types.str;
      loader.systemd-boot = {
        enable = flag;
      } // lib.optionalAttrs newer { bootCounting.enable = flag; };
    };
    specialisation = set types.raw;
    system.stateVersion = text;
    virtualisation = set types.raw;
  };
in
{
  inherit derivation;
  pkgs = lib.genAttrs [ "jq" "util-linux" "k3s" "kubernetes-helm" "etcd" "openssl" "iptables" "ethtool" "conntrack-tools" "socat" ] (
    name: derivation name { }
  ) // {
    klubster = derivation "klubster" {
      meta.mainProgram = "klubster";
      packProfile = { src, name ? "profile" }: derivation "${name}.tgz" { inherit src; };
    };
    stdenv = {
      buildPlatform.canExecute = _: true;
      hostPlatform = { };
    };
    runtimeShell = "/bin/sh";
    runCommandLocal = name: attributes: script: derivation name { inherit attributes script; };
  };

  # Without the stand-ins of the modules that are there themselves.
  moduleWithout = taken: {
    imports = map (options: { inherit options; }) ([ others ] ++ lib.attrValues (removeAttrs byModule taken));
  };
}
