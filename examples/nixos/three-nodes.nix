# Three machines that become one etcd cluster (examples/etcd): the same configuration on each, but for its name.
#
#   nixosConfigurations.n2 = nixosSystem { modules = [ klubster.nixosModules.default ./three-nodes.nix { networking.hostName = "n2"; } ]; };
{ lib, pkgs, ... }:
let
  # 10.77.0.11 to 10.77.0.13
  nodes = { n1 = 11; n2 = 12; n3 = 13; };
  addressOf = name: "10.77.0.${toString nodes.${name}}";
in
{
  services.klubster = {
    enable = true;
    openFirewall = true;
    path = [ pkgs.etcd pkgs.openssl ];

    # Who belongs to the cluster, and what each does.
    members = lib.mapAttrs (name: _: {
      modes = if name == "n1" then [ "server" "stack" ] else [ "agent" ];
      address = "${addressOf name}:9446";
    }) nodes;

    settings = {
      cluster.name = "etcd-example";
      profile.url = "https://web.lab/etcd-1.0.0.tgz";
      profile."trusted-keys.d"."10-us" = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    };
    # Values of the profile's inputs.
    settings.inputs = { CLIENT_PORT = 2379; PEER_PORT = 2380; };
    # What differs from machine to machine.
    overlays.node = lib.mapAttrs (name: _: { inputs.NODE_ADDRESS = addressOf name; }) nodes;

    # One token for all three (`klubster token create`), put there by agenix.
    credentials."cluster/token" = "/run/agenix/klubster-token";
  };
  networking.firewall.allowedTCPPorts = [ 2379 2380 ];

  # The profile's steps run as this user.
  users.users.etcd = { isSystemUser = true; group = "etcd"; };
  users.groups.etcd = { };

  system.stateVersion = "25.05";
}
