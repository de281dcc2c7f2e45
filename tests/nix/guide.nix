# The configurations that docs/nixos.md shows: what stands between ```nix and ```, in its order, is 1.nix, 2.nix … in the
# directory KLUBSTER_NIX_GUIDE. Gives { cases = [ { what; good; words; } ]; etcd; k3s; }, the latter with a `description`.
let
  inherit (import ./eval.nix) lib evaluateWith complaints;
  guide = /. + builtins.getEnv "KLUBSTER_NIX_GUIDE";
  block = number: import (guide + "/${toString number}.nix");
  klubster = {
    outPath = "/srv/klubster";
    nixosModules = { default = ../../nix/module.nix; k3s = ../../nix/k3s.nix; image = ../../nix/image.nix; };
  };
  agenix.nixosModules.default.options.age.secrets = lib.mkOption {
    default = { };
    type = lib.types.attrsOf (lib.types.submodule {
      options.file = lib.mkOption { type = lib.types.raw; };
      options.path = lib.mkOption { type = lib.types.str; default = "/run/agenix/secret"; };
    });
  };
  evaluate = modules: evaluateWith { specialArgs = { inherit klubster; }; } ([ agenix.nixosModules.default ] ++ modules);
  named = name: { networking.hostName = name; };

  flake = (block 1).outputs { nixpkgs.lib = lib // { nixosSystem = system: system; }; inherit klubster agenix; };
  hostNames = lib.mapAttrs (
    _: system: (builtins.head (builtins.filter (module: module ? networking) system.modules)).networking.hostName
  ) flake.nixosConfigurations;
  etcd = evaluate [ (block 2) (named "n1") ];
  # "in place of what names etcd above"
  k3s = evaluate [
    (block 3)
    (named "n1")
    {
      services.klubster = {
        inherit ((block 2 { config.age.secrets.klubster-token.path = "/run/agenix/token"; pkgs = { etcd = null; openssl = null; }; }).services.klubster)
          enable openFirewall members;
        credentials."cluster/token" = "/run/agenix/token";
      };
    }
  ];
  same = what: found: expected: {
    inherit what;
    good = found == expected;
    words = "expected ${builtins.toJSON expected}, found ${builtins.toJSON found}";
  };
in
{
  etcd.description = etcd.services.klubster.treeDescription;
  # The package is the program's to make.
  k3s.description = k3s.services.klubster.treeDescription // { digests = { }; };
  cases = [
    (same "three blocks of Nix" (builtins.length (lib.attrNames (builtins.readDir guide))) 3)
    (same "the flake has three machines" hostNames { n1 = "n1"; n2 = "n2"; n3 = "n3"; })
    (same "its modules get klubster" (lib.mapAttrsToList (_: system: system.specialArgs.klubster.outPath) flake.nixosConfigurations) [
      "/srv/klubster" "/srv/klubster" "/srv/klubster"
    ])
    (same "its cluster has no complaint and no warning" [ (complaints etcd) etcd.warnings ] [ [ ] [ ] ])
    (same "nor has the one with K3s" [ (complaints k3s) k3s.warnings ] [ [ ] [ ] ])
    (same "no agent of K3s gets the servers' secret" (lib.attrNames k3s.services.klubster.credentials) [ "cluster/token" ])
  ];
}
