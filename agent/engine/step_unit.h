// A step's command as a transient unit (execution.md, profile-format.md "What a step sees").
#pragma once

#include <string>
#include <vector>

#include "engine/reconcile.h"

namespace klubster {

// Where a step's surroundings are on this machine; the files are made by the StepHost.
struct StepSurroundings {
  std::string node;
  std::string credentials_dir;    // NAME of each sensitive input, 0600
  std::string outputs_file;       // bound to names::kStepOutputs
  std::string members_file;       // read as it is: it names nothing that is secret
  std::string cluster_role;       // "init" or "join" for steps of the server phase, else empty
  std::string cluster_id;         // likewise
  bool cluster_settled = false;   // the server phase was ready before: no cluster is begun any more
  std::vector<std::string> path;  // steps/path.d
  std::vector<std::string> telemetry;  // NAME=value, for Core
};

// The argv of a stage; empty when the step has none.
const std::vector<std::string>& command_of(const StepSpec& spec, Stage stage);

// Never fails: what a manifest may ask for was checked when it was read.
TransientUnit make_step_unit(const Plan& plan, const Step& step, const StartUnit& start,
                             const StepSurroundings& around);

}  // namespace klubster
