# The Python of the VM tests: { name = text; … }.
builtins.mapAttrs (_: test: test.testScript) (import ../../nix/tests { nixosModules = { }; })
