// What an apply would do with each step, and why. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "engine/reconcile.h"
#include "model/node_state.h"

namespace klubster {

enum class PlannedAction { kRun, kStart, kRestart, kKeep, kSkip, kWait, kUndo };
std::string_view to_string(PlannedAction action);

struct StepOutlook {
  std::string subject, phase, id;
  PlannedAction action = PlannedAction::kKeep;
  std::string why;                // "input GREETING and its files changed"; empty: nothing to say
  bool drifted = false;           // it is done, and its check says that it is not
  bool needs_permission = false;  // to destroy: nothing is undone without --allow-destroy
  bool differs() const {
    return drifted || (action != PlannedAction::kKeep && action != PlannedAction::kSkip);
  }
};

// Where the steps stand and where they are to go.
struct Standing {
  const Plan& target;
  const Plan* present;  // nullptr: nothing was planned yet; may be the target
  const NodeState& state;
  const Decision& decision;  // about `present`
  const std::map<std::string, NeedView>& needs;
};

// One for each step of the target, in its order, then what is to be undone in the order in which it
// is. The same standing gives the same outlook.
std::vector<StepOutlook> outlook(const Standing& standing);

}  // namespace klubster
