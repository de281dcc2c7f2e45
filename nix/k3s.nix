# What a machine needs so that a profile can run K3s as it is packaged by nixpkgs (examples/profiles/k3s): tools on
# the PATH of steps, kernel modules, open ports. K3s itself is started by the profile, not by services.k3s.
{ config, lib, options, pkgs, ... }:
let
  cfg = config.services.klubster.k3s;
in
{
  options.services.klubster.k3s = {
    enable = lib.mkEnableOption "what a klubster profile needs to run K3s";
    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.k3s;
      defaultText = lib.literalExpression "pkgs.k3s";
      description = "The K3s that steps find.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(options.services ? k3s && config.services.k3s.enable);
        message =
          "services.klubster.k3s: services.k3s.enable is set as well, and both would start a unit named k3s.service with "
          + "the same data. Leave it off: the profile starts K3s.";
      }
    ];
    services.klubster.path = [ cfg.package pkgs.kubernetes-helm pkgs.iptables pkgs.ethtool pkgs.conntrack-tools pkgs.socat pkgs.openssl ];
    boot.kernelModules = [ "br_netfilter" "overlay" ];
    boot.kernel.sysctl = {
      "net.ipv4.ip_forward" = lib.mkDefault 1;
      "net.bridge.bridge-nf-call-iptables" = lib.mkDefault 1;
    };
    networking.firewall = lib.mkIf config.services.klubster.openFirewall {
      # API server, kubelet, etcd's clients and members; https://docs.k3s.io/installation/requirements
      allowedTCPPorts = [ 6443 10250 2379 2380 ];
      # flannel's VXLAN
      allowedUDPPorts = [ 8472 ];
      trustedInterfaces = [ "cni0" "flannel.1" ];
    };
  };
}
