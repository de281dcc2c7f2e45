# klubster built with nixpkgs' libraries: the programs, their units, D-Bus and polkit policy, man pages, completion.
{
  lib,
  stdenv,
  cmake,
  ninja,
  pkg-config,
  catch2_3,
  cli11,
  coreutils,
  curl,
  dbus,
  gnutls,
  libarchive,
  libmicrohttpd,
  minisign,
  nlohmann_json,
  openssl,
  python3,
  runCommand,
  spdlog,
  systemd,
  systemdLibs ? systemd,
  tl-expected,
  yaml-cpp,
  zlib,
  # The clock of a machine without a battery is at least at this time (seconds since 1970); 0: unknown.
  sourceDate ? 0,
}:
let
  version = builtins.head (builtins.match ".*\nproject\\(klubster VERSION ([0-9.]+).*" (builtins.readFile ../CMakeLists.txt));
  # What the build reads: a change of a document or a lab scenario makes no other package.
  source = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../CMakeLists.txt
      ../agent
      ../cmake
      ../docs
      ../examples
      ../nix/schema.json
      ../tests/CMakeLists.txt
      ../tests/archives
      ../tests/fakes
      ../tests/tools
      ../tests/unit
      ../tests/units
      ../units
      ../README.md
      ../CHANGELOG.md
      ../LICENSE
    ];
  };
in
stdenv.mkDerivation (finalAttrs: {
  pname = "klubster";
  inherit version;
  src = source;

  nativeBuildInputs = [ cmake ninja pkg-config ];
  buildInputs = [
    cli11
    curl
    gnutls
    libarchive
    libmicrohttpd
    nlohmann_json
    openssl
    spdlog
    systemdLibs
    tl-expected
    yaml-cpp
    zlib
  ];
  checkInputs = [ catch2_3 ];
  nativeCheckInputs = [ dbus minisign openssl python3 ];

  cmakeFlags = [
    (lib.cmakeBool "KLUBSTER_TESTS" finalAttrs.finalPackage.doCheck)
    # nixpkgs' compiler is newer than the one that the project is developed with.
    (lib.cmakeBool "KLUBSTER_WARNINGS_ARE_ERRORS" false)
    (lib.cmakeFeature "KLUBSTER_ZSH_DIR" "share/zsh/site-functions")
  ];

  # A generator runs with a PATH on which NixOS has no coreutils.
  postPatch = ''
    substituteInPlace units/klubster-credential-generator \
      --replace-fail 'mkdir -p' '${coreutils}/bin/mkdir -p'
  '';
  preConfigure = lib.optionalString (sourceDate != 0) ''
    export SOURCE_DATE_EPOCH=${toString sourceDate}
  '';

  doCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  checkPhase = ''
    runHook preCheck
    cmake --build . --parallel "''${NIX_BUILD_CORES:-1}" --target unit-tests
    ctest --output-on-failure --label-regex '^unit$'
    runHook postCheck
  '';

  doInstallCheck = finalAttrs.finalPackage.doCheck;
  installCheckPhase = ''
    runHook preInstallCheck
    "$out/bin/klubster" --version | grep -F ${version}
    for unit in "$out"/lib/systemd/system/*.service; do
      # Everything that a unit starts is part of the package, but for systemd's own busctl.
      ! grep -E '^Exec[A-Za-z]*=/usr' "$unit"
    done
    runHook postInstallCheck
  '';

  passthru = {
    # packProfile { src = ./profile; }: the package of a profile, without a signature: a system that contains it pins
    # its digest (services.klubster.bundledProfile).
    packProfile =
      { src, name ? "profile" }:
      runCommand "${name}.tgz" { nativeBuildInputs = [ finalAttrs.finalPackage ]; } ''
        cp -r ${src} source
        chmod -R u+w source
        klubster profile pack source -o "$out"
      '';
  };

  meta = {
    description = "Per-node agent: machines switched on in any order become a cluster";
    license = lib.licenses.asl20;
    mainProgram = "klubster";
    platforms = lib.platforms.linux;
  };
})
