// One step's next move (execution.md).
//
// A run's life in the log: RunStarted (the intent) -> RunSeen (systemd has it) -> RunEnded ->
// StepDone or StepFailed. Probes (ready, check) are short units that leave no event: asking again
// costs nothing and changes nothing.
#include "engine/step_decision.h"

#include <algorithm>

namespace klubster {

namespace {

constexpr std::string_view kTransientDir = "/run/systemd/transient/";

bool contains(const std::vector<int>& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

StepView StepDecider::view(StepProgress progress, std::string reason, std::string message) const {
  StepView made;
  made.subject = step_.subject;
  made.progress = progress;
  made.reason = std::move(reason);
  made.message = std::move(message);
  made.attempt = past_.attempts;
  if (past_.run) made.unit = past_.run->unit;
  return made;
}

void StepDecider::wake_at(std::uint64_t mono_usec) {
  auto& wake = decision_.wake_mono_usec;
  if (!wake || mono_usec < *wake) wake = mono_usec;
}

// The unit's snapshot; when nobody asked for it yet, asks and returns null.
const UnitSnapshot* StepDecider::look_at(const std::string& unit) {
  const auto found = world_.units.find(unit);
  if (found != world_.units.end()) return &found->second;
  decision_.actions.emplace_back(WatchUnit{unit});
  return nullptr;
}

StepView StepDecider::decide(const std::string& blocked_by) {
  if (step_.skipped) return view(StepProgress::kSkipped, "", "when does not hold");
  if (past_.run) return follow_run(*past_.run);
  release_last_unit();
  if (past_.ran) return finish_run();
  if (!step_.service() && up_to_date()) {
    // Done stays done, but after a reboot it counts again only when what it stands on is back.
    if (blocked_by.empty()) return view(StepProgress::kDone);
    return view(StepProgress::kPending, "", "after " + blocked_by);
  }
  return idle(blocked_by);
}

// The unit of the last run, once its outcome is durable: systemd may forget it.
void StepDecider::release_last_unit() {
  if (past_.last_unit.empty() || past_.last_boot != world_.boot) return;
  if (!step_.spec.start_unit.empty()) return;  // the machine's own unit, not ours
  const UnitSnapshot* unit = look_at(past_.last_unit);
  if (unit != nullptr && unit->found()) {
    decision_.actions.emplace_back(ReleaseUnit{past_.last_unit});
  }
}

// Nothing runs: may it?
StepView StepDecider::idle(const std::string& blocked_by) {
  if (past_.needs_person) {
    return view(StepProgress::kNeedsPerson, "NeedsPerson", past_.message);
  }
  if (!blocked_by.empty()) return view(StepProgress::kPending, "", "after " + blocked_by);
  if (!world_.held.empty()) return view(StepProgress::kWaiting, "", world_.held);
  // What once succeeded like this does not wait for peers again: after a power cut of all nodes,
  // members that wait for one another would never come back.
  const bool once_done = up_to_date();
  const bool waits = !step_.spec.needs.empty() || !step_.waits.empty();
  if (waits && !once_done) {
    const auto need = world_.needs.find(step_.subject);
    if (need != world_.needs.end() && !need->second.reason.empty()) {
      return view(StepProgress::kWaiting, need->second.reason, need->second.message);
    }
    if (need == world_.needs.end()) return view(StepProgress::kWaiting, "", "its peers");
    if (!need->second.satisfied) {
      return view(StepProgress::kWaiting, "", need->second.waiting_for);
    }
  }
  if (step_.fingerprint.empty()) return view(StepProgress::kWaiting, "", "facts of its peers");
  if (auto held = after_failure()) return *held;
  return start_if_free(run_unit_name(step_, past_.starts + 1));
}

// A step that failed: held back until its back-off is over, or for good.
std::optional<StepView> StepDecider::after_failure() {
  if (!past_.failed() || past_.last_fingerprint != step_.fingerprint) return std::nullopt;
  const bool proven = step_.service() && up_to_date();  // it can work: never give up
  if (!proven && past_.attempts >= step_.spec.retry.attempts) {
    return view(StepProgress::kFailed, past_.reason, past_.message);
  }
  const std::uint64_t at = retry_at_usec(step_.subject, past_, step_.spec.retry, world_.boot);
  if (at <= world_.now_mono_usec) return std::nullopt;
  wake_at(at);
  return view(StepProgress::kRetrying, past_.reason, past_.message);
}

// Records the intent once the name is free and a `check` has not said that nothing is to be done.
StepView StepDecider::start_if_free(const std::string& unit) {
  const UnitSnapshot* snapshot = look_at(unit);
  if (snapshot == nullptr) return view(StepProgress::kStarting);
  if (snapshot->found() && step_.spec.start_unit.empty()) {
    const bool ours = snapshot->fragment_path.rfind(kTransientDir, 0) == 0;
    if (!ours) {
      return view(StepProgress::kFailed, "UnitExists",
                  "the machine has a unit " + unit + " (" + snapshot->fragment_path + ")");
    }
    decision_.actions.emplace_back(ReleaseUnit{unit});
    return view(StepProgress::kStarting, "", "freeing the unit name");
  }
  const bool changed = !past_.done_fingerprint.empty() && !up_to_date();
  if (step_.spec.check && !step_.service() && !changed) {
    switch (probe(Stage::kCheck, 0)) {
      case Probe::kUnknown:
      case Probe::kRunning:
        return view(StepProgress::kChecking);
      case Probe::kOk:
        return finish_done("check");
      case Probe::kFailed:
        break;
    }
  }
  const bool same = past_.last_fingerprint == step_.fingerprint;
  StartedRun run;
  run.subject = step_.subject;
  run.fingerprint = step_.fingerprint;
  run.unit = unit;
  run.attempt = (same ? past_.attempts : 0) + 1;
  run.generation = plan_.generation;
  run.owes_undo = bool{step_.spec.undo};
  decision_.events.push_back(run_started(run));
  return view(StepProgress::kStarting);
}

StepView StepDecider::end_run(const OpenRun& run, RunOutcome outcome, const std::string& reason,
                              const std::string& message, const UnitSnapshot* unit, int exit_code) {
  EndedRun ended;
  ended.subject = step_.subject;
  ended.unit = run.unit;
  ended.outcome = outcome;
  ended.reason = reason;
  ended.message = message;
  ended.exit_code = exit_code;
  ended.reboot = outcome == RunOutcome::kOk && contains(step_.spec.reboot_codes, exit_code);
  ended.needs_person = outcome == RunOutcome::kLost && !step_.service() && !step_.spec.idempotent;
  if (unit != nullptr) ended.cost = cost_of(*unit);
  decision_.events.push_back(run_ended(ended));
  return view(outcome == RunOutcome::kOk ? StepProgress::kRunning : StepProgress::kRetrying, reason,
              message);
}

StepView StepDecider::follow_run(const OpenRun& run) {
  if (run.boot != world_.boot) {
    return end_run(run, RunOutcome::kLost, "LostByReboot", "the machine stopped while it ran",
                   nullptr);
  }
  const UnitSnapshot* unit = look_at(run.unit);
  if (unit == nullptr || world_.starting.count(run.unit) > 0) return view(StepProgress::kStarting);
  const bool existing = !step_.spec.start_unit.empty();
  const Outcome outcome = classify(*unit, step_.service());
  const bool never_ran = outcome.phase == UnitPhase::kUnknown && existing;
  if (!run.seen && (outcome.phase == UnitPhase::kAbsent || never_ran)) {
    // Systemd never had it: the intent is durable, the name is free, so this cannot be a second
    // run.
    decision_.actions.emplace_back(StartUnit{step_.subject, Stage::kRun, run.unit, run.attempt});
    return view(StepProgress::kStarting);
  }
  if (run.fingerprint != step_.fingerprint && !step_.fingerprint.empty() && step_.service()) {
    return end_run(run, RunOutcome::kLost, "Replaced", "replaced by its new definition", unit);
  }
  switch (outcome.phase) {
    case UnitPhase::kUnknown:
      return view(StepProgress::kStarting);
    case UnitPhase::kAbsent:
      // A service that ends well is collected by systemd at once.
      if (step_.service()) {
        return end_run(run, RunOutcome::kFailed, "ServiceExited",
                       "ended, although it should keep running", nullptr);
      }
      return end_run(run, RunOutcome::kLost, "UnitLost", "its unit is gone", nullptr);
    case UnitPhase::kFailed:
      return end_run(run, RunOutcome::kFailed, outcome.reason, outcome.message, unit,
                     outcome.exit_code);
    case UnitPhase::kSucceeded:
      return end_run(run, RunOutcome::kOk, "", "", unit, outcome.exit_code);
    case UnitPhase::kRunning:
    case UnitPhase::kUp:
      break;
  }
  if (!run.seen) {
    decision_.events.push_back(run_seen(step_.subject, run.unit, unit->invocation));
    return view(StepProgress::kRunning);
  }
  if (outcome.phase == UnitPhase::kUp) return follow_service(run);
  return view(StepProgress::kRunning);
}

// An active service: is it ready?
StepView StepDecider::follow_service(const OpenRun& run) {
  if (past_.done_boot == world_.boot && past_.done_fingerprint == run.fingerprint) {
    return view(StepProgress::kReady);
  }
  if (!step_.spec.ready) return finish_done("run");
  const Probe answer = probe(Stage::kReady, step_.spec.ready.interval_usec);
  if (answer == Probe::kOk) return finish_done("ready");
  // A service that was ready before with this definition gets all the time it needs: it may wait
  // for members that are still switched off.
  const std::uint64_t deadline = run.started_mono_usec + step_.spec.ready.timeout_usec;
  if (!up_to_date()) {
    if (world_.now_mono_usec >= deadline) {
      decision_.actions.emplace_back(ReleaseUnit{probe_unit_name(step_, Stage::kReady)});
      return end_run(run, RunOutcome::kFailed, "NotReady", "not ready within its time", nullptr);
    }
    wake_at(deadline);
  }
  return view(StepProgress::kStarting, "", "not ready yet");
}

// A task that ended well: is what it promises there?
StepView StepDecider::finish_run() {
  if (step_.spec.check) {
    switch (probe(Stage::kVerify, 0)) {
      case Probe::kUnknown:
      case Probe::kRunning:
        return view(StepProgress::kChecking);
      case Probe::kFailed:
        decision_.events.push_back(
            step_failed(step_.subject, "CheckFailed", "ended well, but its check failed"));
        return view(StepProgress::kRetrying, "CheckFailed");
      case Probe::kOk:
        break;
    }
  }
  return finish_done("run");
}

// Keeps the outputs, then says that the step is done.
StepView StepDecider::finish_done(const char* by) {
  const auto kept = world_.outputs.find(step_.subject);
  if (!step_.spec.outputs.empty() && kept == world_.outputs.end()) {
    decision_.actions.emplace_back(KeepOutputs{step_.subject});
    return view(StepProgress::kChecking, "", "reading its outputs");
  }
  if (!step_.spec.outputs.empty() && !kept->second.reason.empty()) {
    decision_.events.push_back(
        step_failed(step_.subject, kept->second.reason, kept->second.message));
    return view(StepProgress::kRetrying, kept->second.reason, kept->second.message);
  }
  const Json digests = step_.spec.outputs.empty() ? Json::object() : kept->second.digests;
  const std::string fingerprint = past_.run   ? past_.run->fingerprint
                                  : past_.ran ? past_.last_fingerprint
                                              : step_.fingerprint;
  decision_.events.push_back(step_done(step_.subject, fingerprint, by, digests));
  return view(step_.service() ? StepProgress::kReady : StepProgress::kDone);
}

// Runs a short unit of a fixed name, again every `interval_usec` (0: its first answer is final),
// and says what the last try answered. Its unit is released with the answer.
StepDecider::Probe StepDecider::probe(Stage stage, std::uint64_t interval_usec) {
  const std::string unit = probe_unit_name(step_, stage);
  if (world_.starting.count(unit) > 0) return Probe::kRunning;
  const UnitSnapshot* snapshot = look_at(unit);
  if (snapshot == nullptr) return Probe::kUnknown;
  const Outcome outcome = classify(*snapshot, false);
  if (outcome.phase == UnitPhase::kAbsent) {
    const auto ended = world_.probe_ended.find(unit);
    if (ended != world_.probe_ended.end()) {
      const std::uint64_t next = ended->second + interval_usec;
      if (next > world_.now_mono_usec) {
        wake_at(next);
        return Probe::kUnknown;
      }
    }
    decision_.actions.emplace_back(StartUnit{step_.subject, stage, unit, past_.attempts});
    return Probe::kRunning;
  }
  if (outcome.phase == UnitPhase::kRunning || outcome.phase == UnitPhase::kUnknown) {
    return Probe::kRunning;
  }
  decision_.actions.emplace_back(ReleaseUnit{unit});
  return outcome.phase == UnitPhase::kSucceeded ? Probe::kOk : Probe::kFailed;
}

// Leaving: the undo command first, while the service still runs, then the service itself.
StepView StepDecider::undo(bool allowed) {
  const bool owes = past_.owes_undo && step_.spec.undo;
  const bool open = past_.run && past_.run->boot == world_.boot;
  if (owes && allowed) return undo_command();
  if (owes || (open && !allowed)) {
    return view(StepProgress::kPending, "", "later steps are undone first");
  }
  if (!open) return view(StepProgress::kUndone);
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
  ended.message = "stopped because the node leaves";
  decision_.events.push_back(run_ended(ended));
  return view(StepProgress::kUndoing);
}

// The undo command is a run like any other, with a subject of its own.
StepView StepDecider::undo_command() {
  const std::string subject = "undo/" + step_.subject;
  const std::string unit_name = probe_unit_name(step_, Stage::kUndo);
  const auto shown = [&](StepProgress progress, std::string reason = "", std::string text = "") {
    return view(progress, std::move(reason), std::move(text));
  };
  if (undo_past_.failed() && !undo_past_.run) {
    if (undo_past_.attempts >= step_.spec.retry.attempts) {
      return shown(StepProgress::kFailed, undo_past_.reason, undo_past_.message);
    }
    const std::uint64_t at = retry_at_usec(subject, undo_past_, step_.spec.retry, world_.boot);
    if (at > world_.now_mono_usec) {
      wake_at(at);
      return shown(StepProgress::kUndoing, undo_past_.reason, undo_past_.message);
    }
  }
  const UnitSnapshot* unit = look_at(unit_name);
  if (unit == nullptr || world_.starting.count(unit_name) > 0) return shown(StepProgress::kUndoing);
  const Outcome outcome = classify(*unit, false);
  EndedRun ended;
  ended.subject = subject;
  ended.unit = unit_name;
  if (!undo_past_.run) {
    if (outcome.phase != UnitPhase::kAbsent) {
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return shown(StepProgress::kUndoing);
    }
    StartedRun run;
    run.subject = subject;
    run.fingerprint = past_.last_fingerprint;
    run.unit = unit_name;
    run.attempt = undo_past_.attempts + 1;
    run.generation = plan_.generation;
    decision_.events.push_back(run_started(run));
    return shown(StepProgress::kUndoing);
  }
  switch (outcome.phase) {
    case UnitPhase::kAbsent:
      // An undo may run twice: it has to be safe to repeat, since a reboot can cut it off.
      decision_.actions.emplace_back(
          StartUnit{step_.subject, Stage::kUndo, unit_name, undo_past_.attempts});
      return shown(StepProgress::kUndoing);
    case UnitPhase::kSucceeded:
      decision_.events.push_back(run_ended(ended));
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return shown(StepProgress::kUndoing);
    case UnitPhase::kFailed:
      ended.outcome = RunOutcome::kFailed;
      ended.reason = outcome.reason;
      ended.message = "undoing: " + outcome.message;
      decision_.events.push_back(run_ended(ended));
      decision_.actions.emplace_back(ReleaseUnit{unit_name});
      return shown(StepProgress::kUndoing, outcome.reason, outcome.message);
    case UnitPhase::kRunning:
    case UnitPhase::kUnknown:
    case UnitPhase::kUp:
      break;
  }
  return shown(StepProgress::kUndoing);
}

}  // namespace klubster
