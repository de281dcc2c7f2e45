// The moment that has passed for certain: a clock that says an earlier one is behind.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "model/node_state.h"

namespace klubster {

// The latest of: when this program was built, the last event, the time in the `seq` of an accepted
// profile (which is seconds since 1970 unless its signer counts otherwise).
std::uint64_t clock_floor_usec(const NodeState& state);

// kUnavailable, reason "ClockSuspect", when `now_usec` (wall clock) is before that; a minute is
// forgiven.
std::optional<Error> clock_trouble(std::uint64_t now_usec, std::uint64_t floor_usec);

}  // namespace klubster
