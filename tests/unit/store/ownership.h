// What the tests of klubster-store have alike: whose things are there, and whether they can be
// given away at all.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/unit/catch.h"

namespace klubster {

inline const std::string kDigest(64, 'a');
inline constexpr uid_t kWorkerUser = 61184;  // of systemd's range for DynamicUser=

inline struct stat status_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

// Says so and returns true where the test cannot run.
inline bool skipped() {
  if (::geteuid() == 0) return false;
  WARN("skipped: needs root, as klubster-store has it");
  return true;
}

}  // namespace klubster
