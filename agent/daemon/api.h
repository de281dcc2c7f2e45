// org.klubster.Agent1: the agent on the system bus.
#pragma once

#include "daemon/agent.h"
#include "linux/bus.h"

namespace klubster {

// Exports the agent and owns its name. Reading is for everybody, changing for root (the bus policy
// and sd-bus both check). kConflict when another agent has the name.
Result<BusSlot> serve_agent(Bus& bus, Agent& agent);

}  // namespace klubster
