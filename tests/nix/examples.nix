# The trees of examples/nixos, and what NixOS adds to the units: { name = { description; complaints; units; … }; }.
#
# KLUBSTER_NIX_EXTRA, a file with a module, is added to each: the lab's web server, signer and tools.
let
  inherit (import ./eval.nix) lib evaluate complaints;
  extra = builtins.getEnv "KLUBSTER_NIX_EXTRA";
  # As nixpkgs' nixos/lib/systemd-lib.nix writes what the module sets.
  lines = name: values: map (value: "${name}=${toString value}") values;
  textOf =
    unit:
    lib.concatStringsSep "\n" (
      [ "[Unit]" ]
      ++ lines "Wants" (unit.wants or [ ])
      ++ lines "X-Reload-Triggers" unit.reloadTriggers
      ++ lib.optionals (unit ? isService) (
        [
          "[Service]"
          "Environment=\"PATH=${lib.concatStringsSep ":" (map (package: "${package}/bin") unit.path ++ [ "/run/current-system/sw/bin" ])}\""
          "X-StopIfChanged=${lib.boolToString unit.stopIfChanged}"
        ]
        ++ lib.concatLists (lib.mapAttrsToList lines unit.serviceConfig)
      )
    );
  unitsOf =
    systemd:
    lib.concatMapAttrs (name: unit: { "${name}.service" = textOf (unit // { isService = true; }); }) systemd.services
    // lib.concatMapAttrs (name: unit: { "${name}.target" = textOf unit; }) systemd.targets;
  of =
    modules:
    let
      config = evaluate (modules ++ lib.optional (extra != "") (/. + extra));
    in
    {
      description = config.services.klubster.treeDescription;
      complaints = complaints config;
      inherit (config) warnings;
      # What the tree's derivation runs.
      builder = config.services.klubster.tree.script;
      units = unitsOf config.systemd;
      hostName = config.networking.hostName;
    };
  named = name: { networking.hostName = name; };
in
{
  single-node = of [ ../../examples/nixos/single-node.nix ];
  fleet = of [ ../../examples/nixos/fleet.nix ];
  # With its profile in the system; KLUBSTER_NIX_PROFILE is the package.
  bundled = of [
    ../../examples/nixos/single-node.nix
    {
      services.klubster = {
        bundledProfile = let package = builtins.getEnv "KLUBSTER_NIX_PROFILE"; in if package == "" then "/srv/etcd.tgz" else package;
        settings.profile = lib.mkForce { };
      };
    }
  ];
}
// lib.genAttrs [ "n1" "n2" "n3" ] (name: of [ ../../examples/nixos/three-nodes.nix (named name) { services.openssh.enable = true; } ])
