// From a package, archive or directory, to its manifest.
#pragma once

#include <string>

#include "base/result.h"
#include "linux/package.h"
#include "model/profile.h"

namespace klubster {

struct OpenedPackage {
  Profile profile;
  PackageFiles files;
  std::uint64_t entries = 0;
};

// Unpacks `blob`, whose digest must be proven if that matters, into the empty directory at `path`
// and reads the manifest there. Errors: those of extract_package() and read_manifest(); and, unless
// `proven_sha256` is empty, kUntrusted, reason "DigestMismatch", when the bytes that were unpacked
// are others: somebody wrote into the file after it was proven.
Result<OpenedPackage> unpack_into(int blob, const std::string& path, const PackageLimits& limits,
                                  const std::string& proven_sha256 = "");

// Reads a directory of a package as it would be packed.
Result<OpenedPackage> open_package_directory(const std::string& path, const PackageLimits& limits);

// Unpacks `blob` to a temporary directory, which is gone when this returns. Errors as above.
Result<OpenedPackage> open_archive(int blob, const PackageLimits& limits,
                                   const std::string& proven_sha256 = "");

// Either one, by what `path` is; an archive is unpacked to a temporary directory, which is gone
// when this returns.
Result<OpenedPackage> open_package(const std::string& path, const PackageLimits& limits = {});

}  // namespace klubster
