# The files and directories that nix/package.nix takes of the sources.
map toString (import ../../default.nix { pkgs = import ./nixpkgs { }; }).klubster.src.fileset
