// What an earlier generation needs to be in force again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/places.h"
#include "linux/config_sources.h"
#include "model/node_config.h"
#include "model/node_state.h"
#include "model/profile.h"

namespace klubster {

struct RollbackTarget {
  GenerationFacts facts;
  NodeConfig config;  // with today's secrets
  Profile profile;
  // What belongs to the image and is another one today, one line each.
  std::vector<std::string> differs;
};

// Those on the disk, with config, manifest and sealed profile.
std::vector<std::uint64_t> kept_generations(const Places& places);

// The generation that `klubster rollback` without a number returns to, and the ladder: the last
// good one, or when that is in force (also as a rollback) the good one before. 0: there is none.
std::uint64_t default_rollback(const NodeState& state);

// kInvalid: NoSuchGeneration names those that are kept; SecretMissing all secrets that cannot be
// read today; ImageDiffers the directories of tools that this system does not have; NotInPlace as
// check_in_place() against `today`, the config in force (nullptr: none is known).
Result<RollbackTarget> rollback_target(const Places& places, std::uint64_t number,
                                       const ConfigSources& sources, const NodeConfig* today,
                                       std::string_view salt);

}  // namespace klubster
