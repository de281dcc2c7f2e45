// Packages of productive-k3s as ordinary profiles: each node's own part of one, run through Core.
#pragma once

#include <string>

#include "base/result.h"
#include "model/node_config.h"
#include "model/profile.h"

namespace klubster {

// Facts by which agents join. `docs/productive-k3s.md` lists all names.
inline constexpr const char* kServerUrlFact = "AGENT_SERVER_URL";
inline constexpr const char* kClusterTokenFact = "AGENT_CLUSTER_TOKEN";
// Of a member's first phase, once its host checks have passed.
inline constexpr const char* kPreflightCondition = "PreflightPassed";
// Of a server that is proven to run and has told URL and token. It may still wait for its agents.
inline constexpr const char* kJoinableCondition = "Joinable";

// How the scenario's own settings begin: "ONPREM" of ONPREM_BASE_DOMAIN; empty: no such scenario.
std::string core_prefix(const std::string& scenario);

// A profile without modes gets the steps, needs, inputs and commands that Core's modes need on the
// node of `config`; one with modes gets them where it has `core:` steps, and is else returned as it
// is. kInvalid:
// - EngineUnsupported: an engine or scenario that is not productive-k3s', or no bundle is
// configured
// - ConfigInvalid: modes, members and inputs contradict one another, or are more than Core knows
// - ManifestInvalid: a step has an id that one of Core's has
Result<Profile> with_core(const Profile& profile, const NodeConfig& config);

}  // namespace klubster
