# Three machines, switched on at once, become a K3s cluster; one of them loses its power and comes back.
{ nixosModules }:
let
  nodes = { n1 = "192.168.1.1"; n2 = "192.168.1.2"; n3 = "192.168.1.3"; };
  machine =
    name:
    { config, lib, ... }:
    {
      imports = [ nixosModules.default nixosModules.k3s ];
      virtualisation = {
        cores = 2;
        memorySize = 2048;
        diskSize = 8192;
      };
      # K3s takes its address from the default route, and the driver's own network has one that leads elsewhere.
      networking.useDHCP = false;
      networking.defaultGateway = nodes.${name};
      services.klubster = {
        enable = true;
        openFirewall = true;
        k3s.enable = true;
        bundledProfile = config.services.klubster.package.packProfile { src = ../../examples/profiles/k3s; name = "k3s"; };
        members = lib.mapAttrs (member: address: {
          modes = if member == "n1" then [ "server" "stack" ] else [ "agent" ];
          address = "${address}:9446";
        }) nodes;
        overlays.node = lib.mapAttrs (_: address: { inputs.NODE_ADDRESS = address; }) nodes;
        # Nothing that needs an image from a registry: the test has no network.
        settings.inputs.DISABLE = "coredns,local-storage,metrics-server,servicelb,traefik";
        settings.inputs.K3S_CONFIG = "flannel-iface: eth1\n";
        # The test script puts it there; a real system gets it from agenix or a medium.
        credentials."cluster/token" = "/etc/klubster-token";
      };
    };
in
{
  name = "klubster-k3s-cluster";
  nodes = builtins.mapAttrs (name: _: machine name) nodes;
  testScript = ''
    start_all()
    token = n1.succeed("klubster token create").strip()
    for node in [n1, n2, n3]:
        node.succeed(f"umask 077; echo {token} > /etc/klubster-token")
        node.succeed("systemctl restart klubster")
    for node in [n1, n2, n3]:
        node.succeed("klubster wait --for=Ready --timeout 15m")

    def ready_nodes(count):
        n1.wait_until_succeeds(f"test $(k3s kubectl get nodes | grep -cw Ready) = {count}", timeout=300)

    ready_nodes(3)
    n1.succeed("k3s kubectl -n klubster-example get configmap greeting")

    n2.crash()
    n1.wait_until_succeeds("k3s kubectl get node n2 | grep NotReady", timeout=300)
    n2.start()
    n2.succeed("klubster wait --for=Ready --timeout 10m")
    ready_nodes(3)
  '';
}
