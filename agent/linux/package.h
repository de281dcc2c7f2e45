// What a package holds, whether it lies in a directory, comes out of an archive or is signed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace klubster {

struct PackageFile {
  bool executable = false;
  std::uint64_t bytes = 0;
  std::string sha256;  // hex

  bool operator==(const PackageFile&) const = default;
};

// Path inside the package ("bin/server") to file; directories follow from the paths.
using PackageFiles = std::map<std::string, PackageFile>;

// Budgets of trust.md "Archives", rule 7; counted by us.
struct PackageLimits {
  std::uint64_t entries = 20'000;
  std::uint64_t bytes = 512ULL * 1024 * 1024;
  std::uint64_t file_bytes = 128ULL * 1024 * 1024;
  std::uint64_t ratio = 200;
};

// Watches the names of a package: rule 6 of trust.md "Archives". kUntrusted, reason
// "ArchiveRefused"; the caller adds the name.
class PackageNames {
 public:
  enum class Kind { kFile, kDirectory };
  // `path` without "./" before and "/" after it. A name may come once; a directory may also be
  // known from the paths of its files.
  Status add(const std::string& path, Kind kind);

 private:
  struct Known {
    std::string path;
    Kind kind = Kind::kDirectory;
    bool named = false;  // stood in the archive by itself
  };
  std::map<std::wstring, Known> by_folded_;  // small letters: two that differ in case only collide
};

// Lists a directory without following links, or only what lies at or below one of `roots`.
// kUntrusted, reason "ArchiveRefused", for anything but regular files and directories and for
// forbidden names, "TooLarge" over `limits`.
Result<PackageFiles> list_package_directory(const std::string& path, const PackageLimits& limits,
                                            const std::vector<std::string>& roots = {});

// SHA-256 over (path, mode, sha256) of the files that lie at or below one of `roots`, sorted.
std::string files_digest(const PackageFiles& files, const std::vector<std::string>& roots);
// Whether `path` is a file of the package or a directory with files in it.
bool package_has(const PackageFiles& files, const std::string& path);

}  // namespace klubster
