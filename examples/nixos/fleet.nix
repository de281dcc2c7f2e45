# One image for every machine of two clusters: a machine learns from its network card or its serial number which
# node it is, so nothing in the image is about one machine.
{ lib, pkgs, ... }:
let
  node = cluster: address: match: {
    cluster.name = cluster;
    node.environment = if cluster == "blue" then "production" else "staging";
    inputs.NODE_ADDRESS = address;
    inherit match;
  };
in
{
  # The name comes from the overlay that fits, and is set before the first step.
  networking.hostName = "";

  services.klubster = {
    enable = true;
    openFirewall = true;
    path = [ pkgs.etcd pkgs.openssl ];

    settings = {
      profile.url = "https://web.lab/etcd-1.0.0.tgz";
      profile."trusted-keys.d"."10-release" = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
      inputs = {
        CLIENT_PORT = 2379;
        PEER_PORT = 2380;
      };
    };
    # Neither a credential nor `klubster config set` may change whom we trust.
    lock = [ "profile/trusted-keys.d" ];

    overlays = {
      # In production a person says when a change is carried out: klubster apply.
      environment.production.apply.auto = false;
      environment.staging.profile."mirrors.d"."20-site" = "https://mirror.lab/etcd-1.0.0.tgz";

      cluster.blue.members = {
        blue-1 = { modes = [ "server" ]; address = "10.77.0.11:9446"; };
        blue-2 = { modes = [ "agent" ]; address = "10.77.0.12:9446"; };
      };
      cluster.green.members.green-1 = { modes = [ "server" ]; address = "10.77.0.13:9446"; };

      mode.agent.recovery.attempts = 5;

      node.blue-1 = node "blue" "10.77.0.11" { mac = [ "02:aa:00:00:00:01" ]; };
      node.blue-2 = node "blue" "10.77.0.12" { mac = [ "02:aa:00:00:00:02" ]; };
      node.green-1 = node "green" "10.77.0.13" { mac = [ "02:aa:00:00:00:03" ]; };
    };

    # Secrets that `systemd-creds encrypt` made for each machine, or agenix with the machines' host keys.
    credentials."cluster/token" = "/run/agenix/klubster-token";
  };
  networking.firewall.allowedTCPPorts = [ 2379 2380 ];

  # The profile's steps run as this user.
  users.users.etcd = { isSystemUser = true; group = "etcd"; };
  users.groups.etcd = { };

  system.stateVersion = "25.05";
}
