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
    case WorkerStage::kCollect:
      return "collecting garbage";
  }
  return "";
}

// Failures of a package that was judged: its download must not be used again.
bool condemns_download(WorkerStage stage, const std::string& reason) {
  return stage == WorkerStage::kUnpack &&
         (reason == "DigestMismatch" || reason == "SignatureMismatch" || reason == "WrongSize" ||
          reason == "BadKey" || reason == "SignatureStale");
}

// What cut a worker off says nothing about the package.
bool is_cut_off(const std::string& reason) {
  return reason == "LostByReboot" || reason == "UnitLost" || reason == "Replaced";
}

bool is_fetch(WorkerStage stage) {
  return stage == WorkerStage::kSignature || stage == WorkerStage::kPackage;
}

// One stage's next move.
class StageDecider {
 public:
  StageDecider(WorkerStage stage, const ProfileOrigin& origin, const NodeState& state,
               const AcquireWorld& seen, bool medium, AcquireDecision& decision)
      : stage_(stage),
        subject_(subject_of(stage)),
        origin_(origin),
        past_(state.subject(subject_)),
        fetched_(state.subject(subject_of(WorkerStage::kPackage))),
        judged_(state.subject(subject_of(WorkerStage::kUnpack))),
        generation_(state.generation ? state.generation->number : 0),
        seen_(seen),
        medium_(medium),
        decision_(decision) {}

  void decide() {
    decision_.doing = doing(stage_);
    const bool condemned = is_fetch(stage_) && last_download_condemned();
    if (condemned) {  // told until there is another verdict
      decision_.reason = judged_.reason;
      decision_.message = judged_.message;
    }
    if (past_.run) {
      if (stage_ == WorkerStage::kUnpack) show_verdict_before(*past_.run);
      return follow(*past_.run);
    }
    // The whole way is gone again at the pace of the verdicts, not of the downloads.
    if (condemned && held_back(subject_of(WorkerStage::kUnpack), judged_)) return;
    if (past_.failed()) {
      decision_.reason = past_.reason;
      decision_.message = past_.message;
      if (held_back(subject_, past_)) return;
    }
    // What a new worker brings is not on the list of what a running collection leaves.
    if (seen_.world.collecting) return;
    if (stage_ == WorkerStage::kUnpack && has_writer()) return;
    const std::string unit = "klubster-worker-" + std::string(to_string(stage_)) + "-" +
                             origin_.fingerprint.substr(0, 8) + "-a" +
                             std::to_string(past_.starts + 1) + ".service";
    const bool same = past_.last_fingerprint == origin_.fingerprint;
    StartedRun run{
        subject_, origin_.fingerprint, unit, (same ? past_.attempts : 0) + 1, generation_, false};
    decision_.events.push_back(run_started(run));
  }

 private:
  bool last_download_condemned() const {
    return judged_.failed() && !judged_.run && judged_.last_fingerprint == origin_.fingerprint &&
           fetched_.done_fingerprint == origin_.fingerprint;
  }

  // What was wrong with the package stays true until it is judged again.
  void show_verdict_before(const OpenRun& run) {
    if (run.fingerprint != origin_.fingerprint || is_cut_off(run.reason_before)) return;
    decision_.reason = run.reason_before;
    decision_.message = run.message_before;
  }

  bool held_back(const std::string& subject, const SubjectState& failed) {
    if (failed.last_fingerprint != origin_.fingerprint) return false;
    const auto& world = seen_.world;
    // Within a round of the mirrors the next one may have what this one does not.
    const bool round_over = !is_fetch(stage_) || failed.attempts % origin_.places == 0;
    const RetrySpec& retry = failed.needs_person && round_over ? kRareRetry : kRetry;
    const std::uint64_t at = retry_at_usec(subject, failed, retry, world.boot);
    if (at <= world.now_mono_usec) return false;
    decision_.wake_mono_usec = at;
    return true;
  }

  // A download is judged when nobody can write to it any more: its unit is gone, with all of its
  // processes and with the descriptor that systemd keeps. Also when this daemon was not there.
  bool has_writer() {
    if (medium_ || origin_.local || fetched_.last_unit.empty()) return false;
    if (fetched_.last_boot != seen_.world.boot) return false;
    const auto found = seen_.world.units.find(fetched_.last_unit);
    if (found == seen_.world.units.end()) {
      decision_.actions.emplace_back(WatchUnit{fetched_.last_unit});
      return true;
    }
    if (!found->second.found()) return false;
    decision_.actions.emplace_back(ReleaseUnit{fetched_.last_unit});
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
    const bool of_medium = medium_ && stage_ == WorkerStage::kUnpack;
    ended.message = of_medium && !message.empty() ? "from the medium: " + message : message;
    // Not for a worker to mend; it is tried again, rarely. After a medium there is another place.
    ended.needs_person = !retry && !of_medium;
    ended.retry_after_sec = retry_after_sec;
    if (unit != nullptr) ended.cost = cost_of(*unit);
    decision_.events.push_back(run_ended(ended));
    if (outcome == RunOutcome::kOk) {
      decision_.events.push_back(step_done(subject_, run.fingerprint, "worker", Json::object()));
    } else if (of_medium) {
      // Whatever is wrong with it leads on, unless it is wrong with this machine.
      const bool ours = outcome == RunOutcome::kLost || reason == "DiskFull";
      if (!ours) decision_.actions.emplace_back(RefuseMedium{});
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
      decision_.actions.emplace_back(StartWorker{stage_, run.unit, run.attempt, medium_});
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
      return finish(run, unit, outcome);
    }
    if (stage_ == WorkerStage::kPackage) decision_.progress = fetch_progress(unit.status_text);
  }

  void finish(const OpenRun& run, const UnitSnapshot& unit, const Outcome& outcome) {
    if (!outcome.left_a_result()) {
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
  const SubjectState& fetched_;  // the package
  const SubjectState& judged_;
  std::uint64_t generation_;
  const AcquireWorld& seen_;
  bool medium_;
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
    case WorkerStage::kCollect:
      return "collect";
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
  const auto done = [&](WorkerStage stage) {
    const SubjectState& past = state.subject(subject_of(stage));
    // Sealing is what brings the tree onto the disk: after a reboot its files may be empty.
    const bool kept = stage != WorkerStage::kUnpack || past.done_boot == seen.world.boot;
    return !past.run && past.done_fingerprint == origin.fingerprint && kept &&
           seen.present.count(stage) > 0;
  };
  // A download that is there or under way goes on; else what is at hand comes first.
  const bool medium = seen.at_hand.count(WorkerStage::kPackage) > 0 &&
                      !state.subject(subject_of(WorkerStage::kPackage)).run &&
                      !done(WorkerStage::kPackage);
  const auto needed = [&](WorkerStage stage) {
    if (!is_fetch(stage)) return true;
    if (stage == WorkerStage::kSignature && !origin.signature) return false;
    return !origin.local && !(medium && seen.at_hand.count(stage) > 0);
  };
  // What came before a finished or a running stage may be used up: only what comes after it counts.
  std::optional<WorkerStage> next;
  for (auto stage = std::rbegin(kStages); stage != std::rend(kStages) && !done(*stage); ++stage) {
    if (needed(*stage)) next = *stage;
    if (state.subject(subject_of(*stage)).run) break;
  }
  if (next) {
    StageDecider(*next, origin, state, seen, medium, decision).decide();
  } else {
    decision.acquired = true;
  }
  return decision;
}

}  // namespace klubster
