# flake.nix, default.nix and nix/package.nix, evaluated with stand-ins. Gives [ { what; good; words; } ].
let
  inherit (import ./eval.nix) lib;
  flake = import ../../flake.nix;
  nixpkgs = {
    outPath = ./nixpkgs;
    lib = lib // {
      nixosSystem = system: {
        inherit (system) modules;
        config.system.build.images = { qemu-efi = "a disk"; iso = "a disc"; };
      };
    };
  };
  self = flake.outputs { inherit self nixpkgs; } // { lastModified = 1234567890; };
  inherit (self.packages.x86_64-linux) klubster;
  inputs = map (input: input.name) (klubster.nativeBuildInputs ++ klubster.buildInputs ++ klubster.checkInputs);
  same = what: found: expected: {
    inherit what;
    good = found == expected;
    words = "expected ${builtins.toJSON expected}, found ${builtins.toJSON found}";
  };
  # The libraries that cmake/dependencies.cmake asks for, and nixpkgs' names of them.
  wanted = lib.concatMap (
    line:
    let
      found = builtins.match " *(find_package|pkg_check_modules)\\(([A-Za-z0-9_-]+).*" line;
    in
    lib.optional (found != null) (lib.toLower (builtins.elemAt found 1))
  ) (lib.splitString "\n" (builtins.readFile ../../cmake/dependencies.cmake));
  # The folders that the build enters, wherever CMake says so.
  entered = lib.concatMap (
    line:
    let
      found = builtins.match " *add_subdirectory\\(([A-Za-z0-9_/-]+)\\).*" line;
    in
    lib.optional (found != null) (builtins.head found)
  ) (lib.splitString "\n" (builtins.readFile ../../CMakeLists.txt));
  package = builtins.readFile ../../nix/package.nix;
  # Of a folder its CMakeLists.txt is enough, when the rest is named one by one.
  hasInSource = folder: lib.any (end: lib.hasInfix "      ../${folder}${end}\n" package) [ "" "/CMakeLists.txt" ];
  nixpkgsName = {
    pkgconfig = "pkg-config";
    catch2 = "catch2_3";
    systemd = "systemd";
    archive = "libarchive";
    microhttpd = "libmicrohttpd";
  };
in
[
  (same "inputs: nixpkgs alone" (lib.attrNames flake.inputs) [ "nixpkgs" ])
  (same "every library that CMake asks for is an input of the package" (
    lib.filter (name: !lib.elem (nixpkgsName.${name} or name) inputs) wanted
  ) [ ])
  (same "CMake asks for libraries at all" (builtins.length wanted > 8) true)
  (same "every folder that the build enters is in the package's source" (lib.filter (folder: !hasInSource folder) entered) [ ])
  (same "the build enters folders at all" (builtins.length entered > 2) true)
  (same "the package has the project's version" (builtins.match "[0-9]+\\.[0-9]+\\.[0-9]+" klubster.version != null) true)
  (same "its clock floor is the flake's" (lib.hasInfix "SOURCE_DATE_EPOCH=1234567890" klubster.preConfigure) true)
  (same "what its patch replaces is there" (lib.hasInfix "mkdir -p" (builtins.readFile ../../units/klubster-credential-generator)) true)
  (same "packages of both architectures" (map (system: lib.attrNames self.packages.${system}) [ "x86_64-linux" "aarch64-linux" ]) (
    let packages = [ "default" "image" "iso" "klubster" ]; in [ packages packages ]
  ))
  (same "images" [ self.packages.x86_64-linux.image self.packages.x86_64-linux.iso ] [ "a disk" "a disc" ])
  (same "checks: the package and each VM test" (lib.attrNames self.checks.x86_64-linux) [
    "first-boot-and-reboot" "image" "k3s-cluster" "klubster" "recovery" "rollback"
  ])
  (same "a shell for developers" self.devShells.x86_64-linux.default.name "shell")
  (same "an example for each configuration" (lib.attrNames self.nixosConfigurations) [ "box" "fleet" "n1" "n2" "n3" ])
  (same "modules" (lib.attrNames self.nixosModules) [ "default" "image" "k3s" ])
  (same "default.nix has the same modules" (lib.attrNames (import ../../default.nix { pkgs = import ./nixpkgs { }; }).nixosModules) [ "default" "image" "k3s" ])
  (same "and the package" (import ../../default.nix { pkgs = import ./nixpkgs { }; }).klubster.pname "klubster")
]
