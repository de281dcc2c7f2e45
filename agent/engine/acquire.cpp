// Deciding the next move of the acquisition.
#include "engine/acquire.h"

#include <iterator>

namespace klubster {

namespace {

constexpr WorkerStage kStages[] = {WorkerStage::kSignature, WorkerStage::kPackage,
                                   WorkerStage::kUnpack, WorkerStage::kSeal};
// Networks and servers come back: tries never end, they only become rarer.
constexpr RetrySpec kRetry{
    .attempts = UINT64_MAX, .backoff_usec = 1'000'000, .max_backoff_usec = 60'000'000};
// What no repetition mends by itself is still looked at now and then: somebody may publish anew.
constexpr RetrySpec kRareRetry{
    .attempts = UINT64_MAX, .backoff_usec = 60'000'000, .max_backoff_usec = 900'000'000};

const char* doing(WorkerStage stage) {
  switch (stage) {
    case WorkerStage::kSignature:
      return "fetching the signature";
    case WorkerStage::kPackage:
      return "fetching the package";
    case WorkerStage::kUnpack:
      return "verifying and unpacking the package";
    case WorkerStage::kSeal:
      return "sealing the profile";
  }
  return "";
}

// Failures of a package that was judged: its download must not be used again.
bool condemns_download(WorkerStage stage, const std::string& reason) {
  return stage == WorkerStage::kUnpack &&
         (reason == "DigestMismatch" || reason == "SignatureMismatch" || reason == "WrongSize" ||
          reason == "BadKey" || reason == "SignatureStale");
}

// One stage's next move.
class StageDecider {
 public:
  StageDecider(WorkerStage stage, const ProfileOrigin& origin, const NodeState& state,
               const AcquireWorld& seen, AcquireDecision& decision)
      : stage_(stage),
        subject_(subject_of(stage)),
        origin_(origin),
        past_(state.subject(subject_)),
        generation_(state.generation ? state.generation->number : 0),
        seen_(seen),
        decision_(decision) {}

  void decide() {
    decision_.doing = doing(stage_);
    if (past_.run) return follow(*past_.run);
    if (past_.failed()) {
      decision_.reason = past_.reason;
      decision_.message = past_.message;
      if (held_back()) return;
    }
    const std::string unit = "klubster-worker-" + std::string(to_string(stage_)) + "-" +
                             origin_.fingerprint.substr(0, 8) + "-a" +
                             std::to_string(past_.starts + 1) + ".service";
    const bool same = past_.last_fingerprint == origin_.fingerprint;
    StartedRun run{
        subject_, origin_.fingerprint, unit, (same ? past_.attempts : 0) + 1, generation_, false};
    decision_.events.push_back(run_started(run));
  }

 private:
  bool held_back() {
    if (past_.last_fingerprint != origin_.fingerprint) return false;
    const auto& world = seen_.world;
    const RetrySpec& retry = past_.needs_person ? kRareRetry : kRetry;
    const std::uint64_t at = retry_at_usec(subject_, past_, retry, world.boot);
    if (at <= world.now_mono_usec) return false;
    decision_.wake_mono_usec = at;
    return true;
  }

  void end(const OpenRun& run, RunOutcome outcome, const std::string& reason,
           const std::string& message, bool retry, const UnitSnapshot* unit,
           std::uint64_t retry_after_sec = 0) {
    EndedRun ended;
    ended.subject = subject_;
    ended.unit = run.unit;
    ended.outcome = outcome;
    ended.reason = reason;
    ended.message = message;
    ended.needs_person = !retry;  // not for a worker to mend; it is tried again, rarely
    ended.retry_after_sec = retry_after_sec;
    if (unit != nullptr) ended.cost = cost_of(*unit);
    decision_.events.push_back(run_ended(ended));
    if (outcome == RunOutcome::kOk) {
      decision_.events.push_back(step_done(subject_, run.fingerprint, "worker", Json::object()));
    } else if (condemns_download(stage_, reason)) {
      decision_.actions.emplace_back(DropDownloads{});
    }
  }

  void follow(const OpenRun& run) {
    const World& world = seen_.world;
    if (run.boot != world.boot) {
      return end(run, RunOutcome::kLost, "LostByReboot", "the machine stopped meanwhile", true,
                 nullptr);
    }
    if (run.fingerprint != origin_.fingerprint) {
      decision_.actions.emplace_back(ReleaseUnit{run.unit});
      return end(run, RunOutcome::kLost, "Replaced", "the profile's source changed", true, nullptr);
    }
    if (world.starting.count(run.unit) > 0) return;
    const auto found = world.units.find(run.unit);
    if (found == world.units.end()) {
      decision_.actions.emplace_back(WatchUnit{run.unit});
      return;
    }
    const UnitSnapshot& unit = found->second;
    const Outcome outcome = classify(unit, false);
    if (outcome.phase == UnitPhase::kAbsent && !run.seen) {
      decision_.actions.emplace_back(StartWorker{stage_, run.unit, run.attempt});
      return;
    }
    if (outcome.phase == UnitPhase::kAbsent) {
      return end(run, RunOutcome::kLost, "UnitLost", "its unit is gone", true, nullptr);
    }
    if (!run.seen && !unit.start_error) {
      decision_.events.push_back(run_seen(subject_, run.unit, unit.invocation));
      return;
    }
    if (outcome.phase == UnitPhase::kSucceeded || outcome.phase == UnitPhase::kFailed) {
      finish(run, unit, outcome);
    }
  }

  void finish(const OpenRun& run, const UnitSnapshot& unit, const Outcome& outcome) {
    const bool delivered = outcome.phase == UnitPhase::kSucceeded ||
                           (outcome.reason == "ExitCode" && outcome.exit_code == 1);
    if (!delivered) {
      return end(run, RunOutcome::kFailed, outcome.reason,
                 std::string(doing(stage_)) + ": the worker " + outcome.message, true, &unit);
    }
    const auto verdict = seen_.verdicts.find(stage_);
    if (verdict == seen_.verdicts.end()) {
      decision_.actions.emplace_back(ReadResult{stage_});
      return;
    }
    decision_.actions.emplace_back(ReleaseUnit{run.unit});
    if (verdict->second.ok) return end(run, RunOutcome::kOk, "", "", true, &unit);
    end(run, RunOutcome::kFailed, verdict->second.reason, verdict->second.message,
        verdict->second.retry, &unit, verdict->second.retry_after_sec);
  }

  WorkerStage stage_;
  std::string subject_;
  const ProfileOrigin& origin_;
  const SubjectState& past_;
  std::uint64_t generation_;
  const AcquireWorld& seen_;
  AcquireDecision& decision_;
};

}  // namespace

std::string_view to_string(WorkerStage stage) {
  switch (stage) {
    case WorkerStage::kSignature:
      return "signature";
    case WorkerStage::kPackage:
      return "package";
    case WorkerStage::kUnpack:
      return "unpack";
    case WorkerStage::kSeal:
      return "seal";
  }
  return "";
}

std::string subject_of(WorkerStage stage) {
  return "profile/" + std::string(to_string(stage));
}

AcquireDecision acquire(const ProfileOrigin& origin, const NodeState& state,
                        const AcquireWorld& seen) {
  AcquireDecision decision;
  if (seen.world.stopping) return decision;
  const auto needed = [&](WorkerStage stage) {
    if (stage == WorkerStage::kSignature) return origin.signature && !origin.local;
    return stage != WorkerStage::kPackage || !origin.local;
  };
  const auto done = [&](WorkerStage stage) {
    const SubjectState& past = state.subject(subject_of(stage));
    return !past.run && past.done_fingerprint == origin.fingerprint &&
           seen.present.count(stage) > 0;
  };
  // What came before a finished or a running stage may be used up: only what comes after it counts.
  std::optional<WorkerStage> next;
  for (auto stage = std::rbegin(kStages); stage != std::rend(kStages) && !done(*stage); ++stage) {
    if (needed(*stage)) next = *stage;
    if (state.subject(subject_of(*stage)).run) break;
  }
  if (next) {
    StageDecider(*next, origin, state, seen, decision).decide();
  } else {
    decision.acquired = true;
  }
  return decision;
}

}  // namespace klubster
