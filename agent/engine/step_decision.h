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
        state_(state),
        leaving_(state.leaving),
        force_(state.leaving && state.leave.force),
        destroy_allowed_(state.destroy_allowed),
        recovering_(state.recovery.has_value()),
        world_(world),
        decision_(decision) {}

  // `blocked`: why it may not begin ("after step etcd"), empty when it may. `next`: what blocks it
  // is under way, so that it may be its turn soon.
  StepView decide(const std::string& blocked, bool next = false);
  // `allowed`: everything that comes later in the plan is undone.
  StepView undo(bool allowed);
  // Of an earlier generation: what still runs is followed, nothing is begun.
  StepView leave_alone();

 private:
  // kBroken: systemd could not set it up, so nobody answered.
  enum class Probe { kUnknown, kRunning, kOk, kFailed, kBroken };

  StepView idle(const std::string& blocked);
  void look_ahead();
  StepView start_if_free();
  StepView skip();
  StepView settled(StepProgress progress);
  std::optional<std::uint64_t> recheck_due() const;
  StepView follow_run(const OpenRun& run);
  StepView follow_service(const OpenRun& run);
  StepView finish_run();
  StepView finish_done(const char* by);
  bool outputs_refused() const;
  StepView end_run(const OpenRun& run, RunOutcome outcome, const std::string& reason,
                   const std::string& message, const UnitSnapshot* unit, int exit_code = 0);
  StepView undo_command();

  bool has_given_up() const;
  bool is_excusable() const;
  std::optional<StepView> after_failure();
  const UnitSnapshot* look_at(const std::string& unit);
  Probe probe(Stage stage, std::uint64_t interval_usec);
  std::string why_broken(Stage stage) const;
  void release_last_unit();
  void forget_probes(std::initializer_list<Stage> stages);
  StepView view(StepProgress progress, std::string reason = "", std::string message = "") const;
  void wake_at(std::uint64_t mono_usec);
  bool up_to_date() const { return past_.is_done(step_.fingerprint, step_.service()); }
  // In recovery mode what runs is left alone.
  bool repairs() const { return plan_.repair && !recovering_; }

  const Plan& plan_;
  const Step& step_;
  const SubjectState& past_;
  const NodeState& state_;
  const bool leaving_, force_, destroy_allowed_, recovering_;
  const World& world_;
  Decision& decision_;
};

}  // namespace klubster
