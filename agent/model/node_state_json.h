// NodeState as JSON: for snapshots of the event log, and for who wants to see all of it.
#pragma once

#include "base/result.h"
#include "model/node_state.h"

namespace klubster {

// Members that hold what a new state holds are left out.
Json to_json(const NodeState& state);

// kInvalid, reason "BadJson", when a member has another type than expected, or is not known: then a
// newer klubster wrote it, and reading on would forget what it meant.
Result<NodeState> node_state_from(const Json& json);

}  // namespace klubster
