// A small package and its signer, for tests of who may be believed.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <string>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "unpack/judge.h"
#include "unpack/pack.h"

namespace klubster {

struct DemoPackage {
  TempDir directory;
  std::string file = directory / "demo.tgz";
  MinisignSecretKey secret{random_bytes(8), Ed25519Key::generate()};
  TrustedComment comment;  // fits the package

  DemoPackage() {
    write_text(
        directory / "src/profile.yaml",
        "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
        "metadata: { name: demo, version: 1.0.0 }\n"
        "spec:\n  modes:\n    server:\n      steps:\n        - { id: one, run: [bin/one] }\n");
    write_text(directory / "src/bin/one", "#!/bin/sh\n");
    std::filesystem::permissions(directory / "src/bin/one", std::filesystem::perms::owner_all);
    const auto files = list_package_directory(directory / "src", {});
    REQUIRE(write_package(directory / "src", *files, file));
    const auto hashes = hash();
    comment = {"demo", "1.0.0", 5, hashes.bytes, hashes.sha256_hex, ""};
  }

  UniqueFd open() const { return std::move(*open_file(file, O_RDONLY)); }
  // Of the file as it is now.
  BlobHashes hash() const { return *hash_blob(open().get(), HashesFor::kSignature); }
  std::string signature() const { return sign_hash(secret, hash().blake2b512, to_text(comment)); }
};

}  // namespace klubster
