# NixOS VM tests (python test driver), each a module for `pkgs.testers.runNixOSTest`. Not run by us yet: they need a
# Nix builder with KVM.
{ nixosModules }:
let
  node = import ./node.nix { inherit nixosModules; };
in
{
  first-boot-and-reboot = import ./first-boot-and-reboot.nix { inherit node; };
  recovery = import ./recovery.nix { inherit node; };
  rollback = import ./rollback.nix { inherit node; };
  image = import ./image.nix { inherit nixosModules; };
  k3s-cluster = import ./k3s-cluster.nix { inherit nixosModules; };
}
