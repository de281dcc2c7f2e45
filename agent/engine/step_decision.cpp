// One step's next move (execution.md).
//
// A run's life in the log: RunStarted (the intent) -> RunSeen (systemd has it) -> RunEnded ->
// StepDone or StepFailed. Probes (ready, check) are short units that leave no event: asking again
// costs nothing and changes nothing.
#include "engine/step_decision.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::string_view kTransientDir = "/run/systemd/transient/";
// EX_CONFIG of sysexits(3): the step refuses what it was given.
constexpr int kRefusedCode = 78;
constexpr const char* kRefused = "InputRefused";
// Names of a task's unit that are tried when the machine has units of that name.
constexpr std::uint64_t kNames = 8;

// With what the unit said of itself last, where it may: why it failed, in its own words.
std::string with_own_words(const std::string& message, const UnitSnapshot& unit) {
  constexpr std::size_t kShown = 400;
  return unit.status_text.empty() ? message : message + ": " + printable(unit.status_text, kShown);
}

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

StepView StepDecider::decide(const std::string& blocked, bool next) {
  if (next && !blocked.empty()) look_ahead();
  if (step_.skipped) return skip();
  if (past_.run) return follow_run(*past_.run);
  release_last_unit();
  if (past_.ran) return finish_run();
  if (!step_.service() && up_to_date()) {
    // Done stays done, but after a reboot it counts again only when what it stands on is back.
    if (!blocked.empty()) return view(StepProgress::kPending, "", blocked);
    return settled(StepProgress::kDone);
  }
  return idle(blocked);
}

// Whether the name is free is known by the time that its turn comes: then its intent becomes
// durable together with what it waited for.
void StepDecider::look_ahead() {
  const bool idle = !past_.run && !past_.ran && !past_.failed() && !up_to_date();
  if (!idle || step_.skipped || step_.fingerprint.empty()) return;
  (void)look_at(run_unit_name(step_, past_.starts + 1));  // asking is what it is for
}

// A step that is where it should be, as far as its check still says so (drift).
StepView StepDecider::settled(StepProgress progress) {
  forget_probes({Stage::kReady, Stage::kVerify});
  const auto due = recheck_due();
  if (!due || *due > world_.now_mono_usec) forget_probes({Stage::kCheck});
  if (due && *due > world_.now_mono_usec) wake_at(*due);
  if (due && *due <= world_.now_mono_usec) {
    decision_.rechecking = true;
    const Probe answer = probe(Stage::kCheck, 0);
    if (answer != Probe::kUnknown && answer != Probe::kRunning) {
      decision_.actions.emplace_back(NoteRecheck{step_.subject});
    }
    // Nobody has said that it is no longer done: told, not mended.
    if (answer == Probe::kBroken && past_.drift.empty()) {
      decision_.events.push_back(step_drifted(step_.subject, why_broken(Stage::kCheck), false));
    }
    if (answer == Probe::kOk && !past_.drift.empty()) {
      decision_.events.push_back(drift_ended(step_.subject));
    }
    if (answer == Probe::kFailed && (past_.drift.empty() || repairs())) {
      decision_.events.push_back(step_drifted(step_.subject, "its check fails", repairs()));
      if (repairs() && past_.run) {
        return end_run(*past_.run, RunOutcome::kLost, "Drifted", "its check fails", nullptr);
      }
    }
  }
  if (past_.drift.empty()) return view(progress);
  return view(progress, "Drifted", past_.drift);
}

// When the check of this step, which is done, is to be asked again; nothing: not by itself.
std::optional<std::uint64_t> StepDecider::recheck_due() const {
  if (!step_.spec.check || step_.phase == kCommandPhase) return std::nullopt;
  const auto answered = world_.rechecked.find(step_.subject);
  const bool known = answered != world_.rechecked.end();
  const std::uint64_t done = past_.done_boot == world_.boot ? past_.done_mono_usec : 0;
  const std::uint64_t last = known ? answered->second : done;
  if (world_.recheck_asked_mono_usec > last) return 0;
  if (plan_.recheck_usec == 0) return std::nullopt;
  return last == 0 ? 0 : last + plan_.recheck_usec;
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
StepView StepDecider::idle(const std::string& blocked) {
  if (past_.needs_person) {
    return view(StepProgress::kNeedsPerson, "NeedsPerson", past_.message);
  }
  if (!blocked.empty()) return view(StepProgress::kPending, "", blocked);
  if (!world_.held.empty()) return view(StepProgress::kWaiting, "", world_.held);
  if (!past_.excused && has_given_up() && is_excusable()) {
    decision_.events.push_back(step_excused(step_.subject));
  }
  // What once succeeded like this does not wait for peers again: after a power cut of all nodes,
  // members that wait for one another would never come back.
  const bool once_done = up_to_date();
  const auto held = world_.held_phases.find(step_.phase);
  if (held != world_.held_phases.end() && !once_done) {
    return view(StepProgress::kWaiting, "", held->second);
  }
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
  if (auto waiting = after_failure()) return *waiting;
  return start_if_free();
}

// Whether it has failed for good.
bool StepDecider::has_given_up() const {
  if (!past_.failed() || past_.last_fingerprint != step_.fingerprint) return false;
  const bool proven = step_.service() && up_to_date();  // it can work: never give up
  const bool refused = past_.reason == kRefused;
  return !proven && (refused || past_.attempts >= step_.spec.retry.attempts);
}

// A command is tried again when it is asked for again.
bool StepDecider::is_excusable() const {
  return step_.phase != kCommandPhase && !is_input_fault(past_.reason) &&
         misses_peers(plan_, world_, step_.subject);
}

// A step that failed: held back until its back-off is over, or for good. What failed for good while
// its peers were away gets new attempts once they are there.
std::optional<StepView> StepDecider::after_failure() {
  if (!past_.failed() || past_.last_fingerprint != step_.fingerprint) return std::nullopt;
  if (has_given_up()) {
    if (!past_.excused) return view(StepProgress::kFailed, past_.reason, past_.message);
    if (!misses_peers(plan_, world_, step_.subject)) return std::nullopt;
    return view(StepProgress::kFailed, past_.reason,
                past_.message + "; it is tried again when the peers that it needs are there");
  }
  const std::uint64_t at = retry_at_usec(step_.subject, past_, step_.spec.retry, world_.boot);
  if (at <= world_.now_mono_usec) return std::nullopt;
  wake_at(at);
  return view(StepProgress::kRetrying, past_.reason, past_.message);
}

// Records the intent once the name is free and a `check` has not said that nothing is to be done.
StepView StepDecider::start_if_free() {
  std::string unit;
  bool taken = true;
  for (std::uint64_t next = past_.starts + 1; taken && next <= past_.starts + kNames; ++next) {
    unit = run_unit_name(step_, next);
    const UnitSnapshot* snapshot = look_at(unit);
    if (snapshot == nullptr) return view(StepProgress::kStarting);
    taken = snapshot->found() && step_.spec.start_unit.empty();
    if (taken && snapshot->fragment_path.starts_with(kTransientDir)) {
      decision_.actions.emplace_back(ReleaseUnit{unit});
      return view(StepProgress::kStarting, "", "freeing the unit name");
    }
    if (taken && step_.service()) {  // its name is its own: there is no other
      return view(StepProgress::kFailed, "UnitExists",
                  "the machine has a unit " + unit + " (" + snapshot->fragment_path + ")");
    }
  }
  if (taken) return view(StepProgress::kFailed, "UnitExists", "the machine has a unit " + unit);
  const bool changed = !past_.done_fingerprint.empty() && !up_to_date();
  if (step_.spec.check && !step_.service() && !changed) {
    switch (probe(Stage::kCheck, 0)) {
      case Probe::kUnknown:
      case Probe::kRunning:
        return view(StepProgress::kChecking);
      case Probe::kOk:
        if (!outputs_refused()) return finish_done("check");
        break;  // what it makes is there, what it says is not: a run has to say it
      case Probe::kFailed:
      case Probe::kBroken:  // the check after its run will say so
        break;
    }
  }
  const bool same = past_.last_fingerprint == step_.fingerprint;
  StartedRun run;
  run.subject = step_.subject;
  run.fingerprint = step_.fingerprint;
  run.unit = unit;
  run.attempt = (same && !past_.excused ? past_.attempts : 0) + 1;
  run.generation = plan_.generation;
  run.owes_undo = bool{step_.spec.undo};
  run.parts = step_.parts;
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
  const bool answered = world_.answered.count(run.unit) > 0;
  if (!run.seen && !answered && (outcome.phase == UnitPhase::kAbsent || never_ran)) {
    // Systemd never had it: the intent is durable, the name is free, so this cannot be a second
    // run.
    decision_.actions.emplace_back(StartUnit{step_.subject, Stage::kRun, run.unit, run.attempt});
    return view(StepProgress::kStarting);
  }
  const bool other = run.fingerprint != step_.fingerprint && !step_.fingerprint.empty();
  if (other && step_.service() && !recovering_) {
    return end_run(run, RunOutcome::kLost, "Replaced", "replaced by its new definition", unit);
  }
  switch (outcome.phase) {
    case UnitPhase::kUnknown:
      if (!answered || !never_ran) return view(StepProgress::kStarting);
      return end_run(run, RunOutcome::kFailed, "SetupFailed",
                     "systemd did not start it: a condition of the unit does not hold, or what it "
                     "requires failed (systemctl status " +
                         run.unit + ")",
                     nullptr);
    case UnitPhase::kAbsent:
      // A service that ends well is collected by systemd at once.
      if (step_.service()) {
        return end_run(run, RunOutcome::kFailed, "ServiceExited",
                       "ended, although it should keep running", nullptr);
      }
      return end_run(run, RunOutcome::kLost, "UnitLost", "its unit is gone", nullptr);
    case UnitPhase::kFailed:
      if (outcome.reason == "ExitCode" && outcome.exit_code == kRefusedCode) {
        return end_run(run, RunOutcome::kFailed, kRefused,
                       with_own_words("refuses what it was given (exit code 78)", *unit), unit,
                       kRefusedCode);
      }
      return end_run(run, RunOutcome::kFailed, outcome.reason,
                     with_own_words(outcome.message, *unit), unit, outcome.exit_code);
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
    return settled(StepProgress::kReady);
  }
  if (!step_.spec.ready) return finish_done("run");
  const Probe answer = probe(Stage::kReady, step_.spec.ready.interval_usec);
  if (answer == Probe::kOk) return finish_done("ready");
  // A service that was ready before with this definition gets all the time it needs: it may wait
  // for members that are still switched off.
  const std::uint64_t deadline = run.started_mono_usec + step_.spec.ready.timeout_usec;
  const std::string broken = why_broken(Stage::kReady);
  if (!up_to_date()) {
    if (world_.now_mono_usec >= deadline) {
      decision_.actions.emplace_back(ReleaseUnit{probe_unit_name(step_, Stage::kReady)});
      return end_run(run, RunOutcome::kFailed, broken.empty() ? "NotReady" : "SetupFailed",
                     "not ready within its time" + (broken.empty() ? "" : ": " + broken), nullptr);
    }
    wake_at(deadline);
  }
  StepView unready = view(StepProgress::kStarting, "", broken.empty() ? "not ready yet" : broken);
  unready.patient = up_to_date();
  return unready;
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
      case Probe::kBroken:
        decision_.events.push_back(step_failed(step_.subject, "SetupFailed",
                                               "ended well, but " + why_broken(Stage::kVerify)));
        return view(StepProgress::kRetrying, "SetupFailed");
      case Probe::kOk:
        break;
    }
  }
  return finish_done("run");
}

// Whether the outputs of what ran or was checked last are there, and cannot be used.
bool StepDecider::outputs_refused() const {
  const auto kept = world_.outputs.find(step_.subject);
  return !step_.spec.outputs.empty() && kept != world_.outputs.end() &&
         !kept->second.reason.empty();
}

// Keeps the outputs, then says that the step is done.
StepView StepDecider::finish_done(const char* by) {
  const auto kept = world_.outputs.find(step_.subject);
  if (!step_.spec.outputs.empty() && kept == world_.outputs.end()) {
    decision_.actions.emplace_back(KeepOutputs{step_.subject});
    return view(StepProgress::kChecking, "", "reading its outputs");
  }
  if (outputs_refused()) {
    // A service still runs: without an end of this run it would be asked again and again.
    if (past_.run) {
      return end_run(*past_.run, RunOutcome::kFailed, kept->second.reason, kept->second.message,
                     nullptr);
    }
    decision_.events.push_back(
        step_failed(step_.subject, kept->second.reason, kept->second.message));
    return view(StepProgress::kRetrying, kept->second.reason, kept->second.message);
  }
  const Json digests = step_.spec.outputs.empty() ? Json::object() : kept->second.digests;
  const std::string fingerprint = past_.run   ? past_.run->fingerprint
                                  : past_.ran ? past_.last_fingerprint
                                              : step_.fingerprint;
  const bool by_run = past_.run || past_.ran;  // its start has said them
  decision_.events.push_back(
      step_done(step_.subject, fingerprint, by, digests, by_run ? Json() : step_.parts));
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
  if (outcome.phase == UnitPhase::kSucceeded) return Probe::kOk;
  return outcome.could_not_be_set_up() ? Probe::kBroken : Probe::kFailed;
}

// Of a probe: "its check could not be set up: …"; empty: it could.
std::string StepDecider::why_broken(Stage stage) const {
  const auto found = world_.broken.find(probe_unit_name(step_, stage));
  if (found == world_.broken.end()) return {};
  const char* what = stage == Stage::kReady ? "its readiness probe" : "its check";
  return std::string(what) + " could not be set up: " + found->second;
}

}  // namespace klubster
