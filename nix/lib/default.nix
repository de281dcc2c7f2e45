# The logic of the NixOS module as plain Nix over nixpkgs' `lib`, so that it can be tested without NixOS.
{ lib }:
let
  schema = import ./schema.nix { inherit lib; };
  types = import ./types.nix { inherit lib; };
  options = import ./options.nix { inherit lib schema types; };
  tree = import ./tree.nix { inherit lib schema; };
  assertions = import ./assertions.nix { inherit lib schema tree; };
  units = import ./units.nix { inherit lib; };
in
{
  inherit schema types options tree assertions units;
}
