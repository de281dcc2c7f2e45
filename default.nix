# For those without flakes: `nix-build`, or `imports = [ (import ./klubster { }).nixosModules.default ];`.
{ pkgs ? import <nixpkgs> { } }:
{
  klubster = pkgs.callPackage ./nix/package.nix { };
  nixosModules = {
    default = ./nix/module.nix;
    k3s = ./nix/k3s.nix;
    image = ./nix/image.nix;
  };
  overlays.default = final: _: { klubster = final.callPackage ./nix/package.nix { }; };
}
