// Walking the plan: which step may move, and leaving in reverse order.
#include "engine/reconcile.h"

#include <algorithm>

#include "base/digest.h"
#include "engine/step_decision.h"

namespace klubster {

namespace {

// The state of what the walk has passed, for the gates of what comes later.
struct Walk {
  std::map<std::string, bool> settled;        // subject
  std::map<std::string, bool> phase_settled;  // phase
};

// Why a step may not move yet; empty when it may.
std::string gate(const Plan& plan, const Step& step, const Walk& walk) {
  const auto phase = std::find(plan.phases.begin(), plan.phases.end(), step.phase);
  for (auto before = plan.phases.begin(); before != phase; ++before) {
    const auto found = walk.phase_settled.find(*before);
    if (found != walk.phase_settled.end() && !found->second) return "phase " + *before;
  }
  for (const auto& id : step.spec.after) {
    const auto found = walk.settled.find(subject_of(step.phase, id));
    if (found == walk.settled.end() || !found->second) return "step " + id;
  }
  return "";
}

void apply_plan(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  Walk walk;
  for (const auto& phase : plan.phases)
    walk.phase_settled[phase] = true;
  for (const auto& step : plan.steps) {
    StepDecider decider(plan, step, state, world, decision);
    StepView view = decider.decide(gate(plan, step, walk));
    walk.settled[step.subject] = view.settled();
    if (!view.settled()) walk.phase_settled[step.phase] = false;
    decision.views.push_back(std::move(view));
  }
  decision.ready = std::all_of(decision.views.begin(), decision.views.end(),
                               [](const StepView& view) { return view.settled(); });
  const bool good = state.last_good_generation == plan.generation;
  if (decision.ready && !good && !plan.steps.empty() && decision.events.empty()) {
    decision.events.push_back(generation_ready(plan.generation));
  }
}

// Undo in reverse: a step moves when everything after it is undone.
void leave(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  bool later_undone = true;
  for (auto step = plan.steps.rbegin(); step != plan.steps.rend(); ++step) {
    StepDecider decider(plan, *step, state, world, decision);
    StepView view = decider.undo(later_undone);
    later_undone = later_undone && view.progress == StepProgress::kUndone;
    decision.views.push_back(std::move(view));
  }
  std::reverse(decision.views.begin(), decision.views.end());
  if (later_undone && state.leaving && decision.events.empty()) decision.events.push_back(left());
}

}  // namespace

std::string_view to_string(StepProgress progress) {
  switch (progress) {
    case StepProgress::kPending:
      return "pending";
    case StepProgress::kWaiting:
      return "waiting";
    case StepProgress::kChecking:
      return "checking";
    case StepProgress::kRunning:
      return "running";
    case StepProgress::kStarting:
      return "starting";
    case StepProgress::kReady:
      return "ready";
    case StepProgress::kDone:
      return "done";
    case StepProgress::kSkipped:
      return "skipped";
    case StepProgress::kFailed:
      return "failed";
    case StepProgress::kRetrying:
      return "retrying";
    case StepProgress::kNeedsPerson:
      return "needs-person";
    case StepProgress::kUndoing:
      return "undoing";
    case StepProgress::kUndone:
      return "undone";
  }
  return "pending";
}

Decision reconcile(const Plan& plan, const NodeState& state, const World& world) {
  Decision decision;
  if (state.leaving || state.gone) {
    leave(plan, state, world, decision);
  } else if (state.reboot_owed_in_boot == world.boot && !world.boot.empty()) {
    decision.actions.push_back(Reboot{});
  } else {
    apply_plan(plan, state, world, decision);
  }
  if (world.stopping) {  // the next boot classifies what is cut off now
    decision.events.clear();
    decision.actions.clear();
  }
  return decision;
}

std::uint64_t retry_at_usec(const std::string& subject, const SubjectState& past,
                            const RetrySpec& retry, const std::string& boot) {
  // Lost by a reboot, or failed before one: the reboot was pause enough.
  if (past.failed_boot != boot || past.reason == "LostByReboot") return 0;
  const std::uint64_t doublings =
      std::min<std::uint64_t>(past.attempts > 0 ? past.attempts - 1 : 0, 20);
  const std::uint64_t delay = std::min(retry.backoff_usec << doublings, retry.max_backoff_usec);
  // Up to a quarter more, so that nodes which failed together do not come back together; by node
  // and not by chance, so that a decision can be repeated.
  const std::string digest = sha256_hex(subject + boot + std::to_string(past.attempts));
  const std::uint64_t jitter = std::stoull(digest.substr(0, 8), nullptr, 16) % (delay / 4 + 1);
  return past.failed_mono_usec + std::max(delay + jitter, past.retry_after_usec);
}

std::string run_unit_name(const Step& step, std::uint64_t starts) {
  if (!step.spec.start_unit.empty()) return step.spec.start_unit;
  if (step.service()) {
    if (!step.spec.unit_name.empty()) return step.spec.unit_name;
    return "klubster-" + step.phase + "-" + step.spec.id + ".service";
  }
  return "klubster-step-" + step.phase + "-" + step.spec.id + "-" + step.fingerprint.substr(0, 8) +
         "-a" + std::to_string(starts) + ".service";
}

std::string probe_unit_name(const Step& step, Stage stage) {
  const char* kind = stage == Stage::kReady    ? "ready"
                     : stage == Stage::kCheck  ? "check"
                     : stage == Stage::kVerify ? "verify"
                                               : "undo";
  return std::string("klubster-") + kind + "-" + step.phase + "-" + step.spec.id + ".service";
}

}  // namespace klubster
