// The `core:` steps of a manifest, and Core's steps in their place. Used by with_core() alone.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "model/node_config.h"
#include "model/profile.h"

namespace klubster {

// Phase -> id of its `core:` step.
std::map<std::string, std::string> core_step_ids(const Profile& profile);

// The config without the modes, of this node and of all members, whose phases have no such step:
// what Core has to do with.
NodeConfig with_core_modes_only(const NodeConfig& config,
                                const std::map<std::string, std::string>& ids);

// `written` with the steps of `made` where its `core:` steps of the same phases stand, and with the
// inputs of `made`; of its commands those that `written` has not. kInvalid, ManifestInvalid: both
// have a step of one id.
Result<Profile> in_place_of_core_steps(const Profile& written, const Profile& made);

}  // namespace klubster
