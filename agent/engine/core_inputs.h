// The inputs of a productive-k3s package, as a node needs them. Used by with_core() alone.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/node_config.h"
#include "model/profile.h"

namespace klubster {

// Lets go of what only a machine that drives others over SSH would need.
void forgive_drivers_inputs(Profile& profile);

// Adds what Core's steps read and a package need not list. `prefix` is that of the scenario.
void add_core_inputs(Profile& profile, const NodeConfig& config, const std::string& prefix);

// Whether the addresses that inputs name are those of the members, and whether Core is asked for
// something that klubster does with it. kInvalid, ConfigInvalid or EngineUnsupported.
Status check_core_inputs(const Profile& profile, const NodeConfig& config,
                         const std::string& prefix);

// The names that the steps see; those that the profile has not are for the caller to leave out.
std::vector<std::string> core_preflight_inputs();
std::vector<std::string> core_host_inputs(const std::string& prefix);
std::vector<std::string> core_validation_inputs(const std::string& prefix);
std::vector<std::string> core_install_inputs(const std::string& mode, const std::string& prefix);

}  // namespace klubster
