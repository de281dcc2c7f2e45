// What steps and workers cost: of those that ended as it was recorded, of those that run as it is
// now.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/json.h"
#include "engine/reconcile.h"
#include "linux/cgroup_usage.h"
#include "model/node_state.h"

namespace klubster {

using UsageReader = std::function<CgroupUsage(const std::string& control_group)>;

// Gives each step of a status its `resources`, and the status `resources` with those of the
// workers and the total (docs/status.md). What is not known is absent, never 0.
void add_resources(Json& status, const NodeState& state, const World& world,
                   const UsageReader& read_usage);

}  // namespace klubster
