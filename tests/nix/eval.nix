# What the tests evaluate with: `config` of a list of modules together with klubster's own.
#
# KLUBSTER_NIXPKGS_LIB (a directory with nixpkgs' lib/default.nix) takes the place of the stand-in.
let
  real = builtins.getEnv "KLUBSTER_NIXPKGS_LIB";
in
rec {
  lib = if real == "" then import ./lib else import (/. + real);
  evaluate = evaluateWith { };
  evaluateWith =
    { newer ? true, specialArgs ? { } }:
    modules:
    let
      nixos = import ./nixos.nix { inherit lib newer; };
    in
    (lib.evalModules {
      modules = [ (nixos.moduleWithout [ ]) ../../nix/module.nix ] ++ modules;
      specialArgs = { inherit (nixos) pkgs; } // specialArgs;
    }).config;
  # The words of the assertions that do not hold.
  complaints = config: map (check: check.message) (lib.filter (check: !check.assertion) config.assertions);
}
