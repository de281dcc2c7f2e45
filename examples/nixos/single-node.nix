# One machine by itself: it makes its own etcd with the profile examples/etcd, whose package is on its disk.
{ pkgs, ... }:
{
  networking.hostName = "box";

  services.klubster = {
    enable = true;
    path = [ pkgs.etcd pkgs.openssl ];
    settings = {
      cluster.name = "etcd-box";
      profile.path = "/srv/etcd-1.0.0.tgz";
      profile."trusted-keys.d"."10-us" = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
      node.modes = [ "server" ];
      inputs = {
        NODE_ADDRESS = "127.0.0.1";
        CLIENT_PORT = 2379;
        PEER_PORT = 2380;
      };
    };
  };

  # The profile's steps run as this user.
  users.users.etcd = { isSystemUser = true; group = "etcd"; };
  users.groups.etcd = { };

  system.stateVersion = "25.05";
}
