# The image knows nothing of any cluster: what this machine is comes from its host (SMBIOS) and the kernel's command line.
{ nixosModules }:
{
  name = "klubster-image";
  nodes.machine =
    { lib, ... }:
    {
      imports = [ nixosModules.default nixosModules.image ];
      # Of the driver and the image, both are defaults.
      networking.hostName = "machine";
      # K3s takes its address from the default route, and the driver's own network has one that leads elsewhere.
      networking.useDHCP = lib.mkForce false;
      networking.defaultGateway = "192.168.1.1";
      virtualisation = {
        cores = 2;
        memorySize = 2048;
        diskSize = 8192;
        qemu.options = [ "-smbios type=11,value=io.systemd.credential:klubster.node.modes=single-node" ];
      };
      boot.kernelParams = [
        "klubster.inputs.NODE_ADDRESS=192.168.1.1"
        # Nothing that needs an image from a registry: the test has no network.
        "klubster.inputs.DISABLE=coredns,local-storage,metrics-server,servicelb,traefik"
      ];
    };
  testScript = ''
    machine.start()
    machine.wait_for_unit("klubster.service")
    machine.succeed("klubster wait --for=Ready --timeout 15m")
    machine.succeed("klubster explain node/modes | grep -q single-node")
    machine.succeed("k3s kubectl -n klubster-example get configmap greeting")
  '';
}
