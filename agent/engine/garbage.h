// What may be removed from the disk, and when. Pure; klubster-store removes it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/acquire.h"

namespace klubster {

// The only unit that collects: a new process of the daemon finds by it what an earlier one began.
inline constexpr const char* kCollectUnit = "klubster-worker-collect.service";

// What stays, and what for; everything else goes.
struct Keep {
  using Reasons = std::map<std::string, std::vector<std::string>>;
  Reasons profiles;     // by digest
  Reasons generations;  // by number
  Reasons downloads;    // by the origin's fingerprint
  Reasons stagings;     // likewise
  Reasons results;      // likewise

  // The same for the same names, whatever they are kept for.
  std::string digest() const;
};

// What is known beside the log.
struct KeepFacts {
  std::string boot;
  // Where the profile that the config asks for comes from, if it asks for one; what unpack proved
  // to be its package, and whether it is sealed.
  const ProfileOrigin* origin = nullptr;
  std::string unpacked_sha256;
  bool acquired = false;
};

// The present generation, the last good one and the good one before stay, and what still runs or is
// to be undone by an older profile; of the profile that is being brought, everything that goes on.
Keep what_to_keep(const NodeState& state, const KeepFacts& facts);

// Whether the store is quiet enough: nothing is being unpacked or sealed.
bool may_collect(const NodeState& state);

// Whether it is to be done unasked: the present generation is Ready and nothing is under way; or
// the disk was full when the profile was brought.
bool collection_due(const NodeState& state, const Decision& decision,
                    const AcquireDecision& acquisition);

}  // namespace klubster
