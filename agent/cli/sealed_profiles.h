// The profiles on this machine's disk, and which generations go by them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

// What the event log says of one profile.
struct ProfileUse {
  std::string name, version;
  std::vector<std::uint64_t> generations;
  bool current = false;    // of the present generation
  bool last_good = false;  // of the generation that was Ready last
};

// Folds events, oldest first: as Agent1.GetHistory answers, and as they stand in the log.
class ProfileUses {
 public:
  void add(std::string_view type, const Json& data);
  // By digest.
  std::map<std::string, ProfileUse> take() const;

 private:
  std::map<std::string, ProfileUse> uses_;
  std::map<std::uint64_t, std::string> digests_;  // of generations
  std::uint64_t present_ = 0, good_ = 0;
};

struct SealedProfile {
  std::string sha256;
  std::uint64_t files = 0, bytes = 0;
};

// As klubsterd tells it. AgentUnreachable (kUnavailable) when it is not there.
Result<ProfileUses> uses_by_agent();
// Of the event log in `directory`: for a machine whose daemon does not run. kIo.
Result<ProfileUses> uses_in_log(const std::string& directory);

// <state_dir>/profiles/, sorted by digest; nothing in it is followed or opened. No such directory
// is no profile. kIo.
Result<std::vector<SealedProfile>> sealed_profiles(const std::string& state_dir);

}  // namespace klubster
