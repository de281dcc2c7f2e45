// Unpacks a verified gzip-compressed tar under the policy of trust.md "Archives".
#pragma once

#include <string>

#include "base/result.h"
#include "linux/package.h"

namespace klubster {

struct ExtractedPackage {
  PackageFiles files;
  std::uint64_t entries = 0;
  std::string blob_sha256;  // hex, of the bytes that were unpacked
};

// Reads `blob` from its start and writes below the directory `staging`, which must be empty. The
// digest of `blob` must be proven before. Errors, each with the member's name:
//   kUntrusted  ArchiveRefused  a type, name, duplicate or format that the policy forbids
//   kUntrusted  TooLarge        a budget is used up
//   kIo                         writing failed (DiskFull, SystemCallFailed)
// After an error the directory holds rubbish: it is the caller's to remove.
Result<ExtractedPackage> extract_package(int blob, int staging, const PackageLimits& limits);

}  // namespace klubster
