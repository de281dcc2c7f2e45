// One writer: who may change something while somebody else does, and what the loser is told. Pure.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/node_state.h"

namespace klubster {

// What must hold when a change begins.
struct Guard {
  std::uint64_t if_generation = 0;  // in force; 0: whichever
  bool interrupt = false;           // also while an apply is under way
};

// kConflict: ApplyUnderWay with who applies since when, or GenerationDiffers with the generation
// that is in force and who made it.
Status may_change(const NodeState& state, const Guard& guard);
// Of what is not begun on a node that leaves or has left: kConflict, Leaving.
Error refused_by_leave(const NodeState& state);

}  // namespace klubster
