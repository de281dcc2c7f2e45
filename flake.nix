{
  description = "klubster: machines switched on in any order become a cluster";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forAll = f: lib.genAttrs systems (system: f (import nixpkgs { inherit system; overlays = [ self.overlays.default ]; }));
      # An example of examples/nixos as a whole system; a machine of one's own says more about its disks.
      example =
        modules:
        lib.nixosSystem {
          system = "x86_64-linux";
          modules = [
            self.nixosModules.default
            {
              boot.loader.systemd-boot.enable = true;
              fileSystems."/" = { device = "/dev/disk/by-label/nixos"; fsType = "ext4"; };
              fileSystems."/boot" = { device = "/dev/disk/by-label/ESP"; fsType = "vfat"; };
            }
          ] ++ modules;
        };
      imageFor =
        system:
        (lib.nixosSystem { inherit system; modules = [ self.nixosModules.default self.nixosModules.image ]; }).config.system.build.images;
    in
    {
      overlays.default = final: _: {
        klubster = final.callPackage ./nix/package.nix {
          # The clock of a machine without a battery is at least at this time.
          sourceDate = self.lastModified or 0;
        };
      };

      packages = forAll (pkgs: {
        inherit (pkgs) klubster;
        default = pkgs.klubster;
        image = (imageFor pkgs.stdenv.hostPlatform.system).qemu-efi;
        iso = (imageFor pkgs.stdenv.hostPlatform.system).iso;
      });

      nixosModules = {
        # Without an overlay, which a system with packages of its own making (a VM test) would refuse.
        default =
          { lib, pkgs, ... }:
          {
            imports = [ ./nix/module.nix ];
            services.klubster.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.klubster;
          };
        k3s = ./nix/k3s.nix;
        image = ./nix/image.nix;
      };

      nixosConfigurations = {
        box = example [ ./examples/nixos/single-node.nix ];
        fleet = example [ ./examples/nixos/fleet.nix ];
      }
      // lib.genAttrs [ "n1" "n2" "n3" ] (name: example [ ./examples/nixos/three-nodes.nix { networking.hostName = name; } ]);

      checks = forAll (
        pkgs:
        { inherit (pkgs) klubster; }
        // lib.mapAttrs (_: test: pkgs.testers.runNixOSTest test) (import ./nix/tests { inherit (self) nixosModules; })
      );

      devShells = forAll (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ pkgs.klubster ];
          packages = [ pkgs.clang-tools pkgs.minisign pkgs.shellcheck pkgs.jq ];
        };
      });
    };
}
