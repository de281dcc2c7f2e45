// Telling the winner from the losers.
#include "daemon/one_writer.h"

#include "base/utc_time.h"

namespace klubster {

namespace {

std::string made_by(const GenerationFacts& generation) {
  return generation.by.empty() ? "by klubsterd itself from the config tree" : "by " + generation.by;
}

}  // namespace

Status may_change(const NodeState& state, const Guard& guard) {
  if (state.applying && !guard.interrupt) {
    return Error(ErrorKind::kConflict, "ApplyUnderWay",
                 state.applying->by + " applies since " + utc_text(state.applying->since_usec));
  }
  const std::uint64_t present = state.generation ? state.generation->number : 0;
  if (guard.if_generation == 0 || guard.if_generation == present) return {};
  std::string message = "expected generation " + std::to_string(guard.if_generation) + ", found " +
                        std::to_string(present);
  if (state.generation) message += ", made " + made_by(*state.generation);
  return Error(ErrorKind::kConflict, "GenerationDiffers", message);
}

Error refused_by_leave(const NodeState& state) {
  return Error(ErrorKind::kConflict, "Leaving",
               state.gone ? "this node has left its cluster"
                          : "this node leaves its cluster, as " + state.leave.by + " asked");
}

}  // namespace klubster
