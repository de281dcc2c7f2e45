// What one step does next. Used by reconcile() alone.
#pragma once

#include <optional>
#include <string>

#include "engine/reconcile.h"

namespace klubster {

// Looks at one step's past and present, and adds its events and actions to the decision.
class StepDecider {
 public:
  StepDecider(const Plan& plan, const Step& step, const NodeState& state, const World& world,
              Decision& decision)
      : plan_(plan),
        step_(step),
        past_(state.subject(step.subject)),
        undo_past_(state.subject("undo/" + step.subject)),
        world_(world),
        decision_(decision) {}

  // `blocked_by`: what must settle first, empty when nothing.
  StepView decide(const std::string& blocked_by);
  // `allowed`: everything that comes later in the plan is undone.
  StepView undo(bool allowed);

 private:
  enum class Probe { kUnknown, kRunning, kOk, kFailed };

  StepView idle(const std::string& blocked_by);
  StepView start_if_free(const std::string& unit);
  StepView follow_run(const OpenRun& run);
  StepView follow_service(const OpenRun& run);
  StepView finish_run();
  StepView finish_done(const char* by);
  StepView end_run(const OpenRun& run, RunOutcome outcome, const std::string& reason,
                   const std::string& message, const UnitSnapshot* unit, int exit_code = 0);
  StepView undo_command();

  std::optional<StepView> after_failure();
  const UnitSnapshot* look_at(const std::string& unit);
  Probe probe(Stage stage, std::uint64_t interval_usec);
  void release_last_unit();
  StepView view(StepProgress progress, std::string reason = "", std::string message = "") const;
  void wake_at(std::uint64_t mono_usec);
  bool up_to_date() const {
    return !step_.fingerprint.empty() && past_.done_fingerprint == step_.fingerprint;
  }

  const Plan& plan_;
  const Step& step_;
  const SubjectState& past_;
  const SubjectState& undo_past_;
  const World& world_;
  Decision& decision_;
};

}  // namespace klubster
