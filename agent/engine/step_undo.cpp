// Taking a step back: on leave and destroy, and when a profile no longer has it.
#include "engine/step_decision.h"
#include "engine/step_unit.h"

namespace klubster {

namespace {

const std::string kUndoWaits = "its undo waits for: klubster apply --allow-destroy";

}  // namespace

// `when` does not hold. What ran while it did is obsolete.
StepView StepDecider::skip() {
  const bool runs = past_.run && past_.run->boot == world_.boot;
  const bool owes = past_.owes_undo && step_.spec.undo;
  if ((runs || owes) && (plan_.allow_destroy || destroy_allowed_)) return undo(true);
  const std::string why = "when does not hold";
  return view(StepProgress::kSkipped, "", runs || owes ? why + "; " + kUndoWaits : why);
}

StepView StepDecider::leave_alone() {
  const bool runs = past_.run && past_.run->boot == world_.boot;
  if (runs && !step_.service()) {
    const StepView followed = follow_run(*past_.run);
    if (past_.run->seen) return followed;
  }
  return view(StepProgress::kObsolete, "", "no longer in the profile; " + kUndoWaits);
}

// An answer that was taken before an agent died may still have its unit.
void StepDecider::forget_probes(std::initializer_list<Stage> stages) {
  for (const Stage stage : stages) {
    if (command_of(step_.spec, stage).empty()) continue;
    const std::string unit = probe_unit_name(step_, stage);
    const UnitSnapshot* snapshot = look_at(unit);
    if (snapshot != nullptr && snapshot->found()) {
      decision_.actions.emplace_back(ReleaseUnit{unit});
    }
  }
}

// Leaving: the undo command first, while the service still runs, then the service itself.
StepView StepDecider::undo(bool allowed) {
  const bool owes = past_.owes_undo && step_.spec.undo;
  const bool open = past_.run && past_.run->boot == world_.boot;
  if (owes && allowed) return undo_command();
  if (owes || (open && !allowed)) {
    return view(StepProgress::kPending, "", "later steps are undone first");
  }
  if (!open) {
    release_last_unit();
    forget_probes({Stage::kReady, Stage::kCheck, Stage::kVerify, Stage::kUndo});
    return view(StepProgress::kUndone);
  }
  const UnitSnapshot* unit = look_at(past_.run->unit);
  if (unit == nullptr) return view(StepProgress::kUndoing);
  if (unit->found()) {
    decision_.actions.emplace_back(ReleaseUnit{past_.run->unit});
    return view(StepProgress::kUndoing, "", "stopping its unit");
  }
  EndedRun ended;
  ended.subject = step_.subject;
  ended.unit = past_.run->unit;
  ended.outcome = RunOutcome::kLost;
  ended.reason = "Stopped";
  ended.message = leaving_ ? "stopped because the node leaves" : "stopped: no longer wanted";
  decision_.events.push_back(run_ended(ended));
  return view(StepProgress::kUndoing);
}

// The undo command is a run like any other, with a subject of its own.
StepView StepDecider::undo_command() {
  const std::string subject = "undo/" + step_.subject;
  const SubjectState& undo_past = state_.subject(subject);
  const std::string unit_name = probe_unit_name(step_, Stage::kUndo);
  if (undo_past.failed() && !undo_past.run) {
    if (undo_past.attempts >= step_.spec.retry.attempts) {
      if (force_) decision_.events.push_back(undo_abandoned(step_.subject, undo_past.message));
      return view(StepProgress::kFailed, undo_past.reason, undo_past.message);
    }
    const std::uint64_t at = retry_at_usec(subject, undo_past, step_.spec.retry, world_.boot);
    if (at > world_.now_mono_usec) {
      wake_at(at);
      return view(StepProgress::kUndoing, undo_past.reason, undo_past.message);
    }
  }
  const UnitSnapshot* unit = look_at(unit_name);
  if (unit == nullptr || world_.starting.count(unit_name) > 0) return view(StepProgress::kUndoing);
  const Outcome outcome = classify(*unit, false);
  EndedRun ended;
  ended.subject = subject;
  ended.unit = unit_name;
  if (!undo_past.run) {
    if (outcome.phase != UnitPhase::kAbsent) {
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return view(StepProgress::kUndoing);
    }
    StartedRun run;
    run.subject = subject;
    run.fingerprint = past_.last_fingerprint;
    run.unit = unit_name;
    run.attempt = undo_past.attempts + 1;
    run.generation = plan_.generation;
    decision_.events.push_back(run_started(run));
    return view(StepProgress::kUndoing);
  }
  switch (outcome.phase) {
    case UnitPhase::kAbsent:
      // An undo may run twice: it has to be safe to repeat, since a reboot can cut it off.
      decision_.actions.emplace_back(
          StartUnit{step_.subject, Stage::kUndo, unit_name, undo_past.attempts});
      return view(StepProgress::kUndoing);
    case UnitPhase::kSucceeded:
      decision_.events.push_back(run_ended(ended));
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return view(StepProgress::kUndoing);
    case UnitPhase::kFailed:
      ended.outcome = RunOutcome::kFailed;
      ended.reason = outcome.reason;
      ended.message = "undoing: " + outcome.message;
      decision_.events.push_back(run_ended(ended));
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return view(StepProgress::kUndoing, outcome.reason, outcome.message);
    case UnitPhase::kRunning:
    case UnitPhase::kUnknown:
    case UnitPhase::kUp:
      break;
  }
  return view(StepProgress::kUndoing);
}

}  // namespace klubster
