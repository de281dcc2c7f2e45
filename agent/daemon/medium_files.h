// What a medium brought for the profile that is asked for: files of /var/lib/klubster/media.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "linux/files.h"

namespace klubster {

// The first of the mirrors. Its files are judged like every download; nothing else is known of
// them.
class MediumFiles {
 public:
  MediumFiles() = default;  // finds nothing
  // Looks for `sha256` and for the last segment of `url`, each perhaps with ".minisig" beside it.
  MediumFiles(const std::string& directory, const std::string& url, const std::string& sha256);

  // The package that comes next: a regular file that was not refused. Empty: there is none.
  std::string package() const;
  // Its signature; empty: there is none.
  std::string signature() const;
  // The package, read-only. kIo when it is gone or not a regular file.
  Result<UniqueFd> open() const;
  // The present package is of no use, unless it is replaced. Forgotten when the daemon ends: it is
  // then looked at once more.
  void refuse();

 private:
  std::vector<std::string> candidates_;  // paths
  std::set<std::string> refused_;        // identities
};

// "p-1.0.0.tgz" of "https://host/a/p-1.0.0.tgz?x#y"; empty when it is not a plain file name.
std::string last_segment(const std::string& url);

}  // namespace klubster
