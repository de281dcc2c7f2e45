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
  std::map<std::string, bool> moves;          // likewise
  std::map<std::string, bool> phase_settled;  // phase
};

// Why a step may not move yet; empty when it may.
std::string gate(const Plan& plan, const Step& step, const Walk& walk) {
  const auto phase = std::find(plan.phases.begin(), plan.phases.end(), step.phase);
  for (auto before = plan.phases.begin(); before != phase; ++before) {
    const auto found = walk.phase_settled.find(*before);
    if (found != walk.phase_settled.end() && !found->second) return "after phase " + *before;
  }
  for (const auto& id : step.spec.after) {
    const auto found = walk.settled.find(subject_of(step.phase, id));
    if (found == walk.settled.end() || !found->second) return "after step " + id;
  }
  return "";
}

// Whether nothing but steps that move now keep it from its turn.
bool is_next(const Plan& plan, const Step& step, const Walk& walk) {
  for (const auto& phase : plan.phases) {
    if (phase == step.phase) break;
    if (!walk.phase_settled.at(phase)) return false;
  }
  return std::ranges::all_of(step.spec.after, [&](const std::string& id) {
    const std::string subject = subject_of(step.phase, id);
    const auto settled = walk.settled.find(subject);
    return settled != walk.settled.end() && (settled->second || walk.moves.at(subject));
  });
}

// Last in, first out: a step moves when everything after it is undone. True when all are.
bool undo_in_reverse(const std::vector<Step>& steps, const Plan& plan, const NodeState& state,
                     const World& world, Decision& decision, std::vector<StepView>& views) {
  bool later_undone = true;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    StepDecider decider(plan, *step, state, world, decision);
    StepView view = decider.undo(later_undone);
    later_undone = later_undone && view.progress == StepProgress::kUndone;
    views.push_back(std::move(view));
  }
  std::reverse(views.begin(), views.end());
  return later_undone;
}

// What earlier generations left. Returns what the steps of this one have to wait for, or nothing.
std::string clear_obsolete(const Plan& plan, const NodeState& state, const World& world,
                           Decision& decision) {
  if (state.recovery || (!plan.allow_destroy && !state.destroy_allowed)) {
    for (const auto& step : plan.obsolete) {
      StepDecider decider(plan, step, state, world, decision);
      decision.obsolete.push_back(decider.leave_alone());
    }
    return "";
  }
  undo_in_reverse(plan.obsolete, plan, state, world, decision, decision.obsolete);
  for (const auto& view : decision.obsolete) {
    if (view.progress == StepProgress::kUndoing) return "after the undoing of " + view.subject;
  }
  return "";  // what cannot be undone is shown, and keeps nobody from working
}

// In recovery mode nothing begins that was not done before. What failed goes on to say so.
StepView keep_shut(StepView view, const Step& step, const SubjectState& past) {
  if (view.progress != StepProgress::kPending || !past.failed()) return view;
  if (past.last_fingerprint != step.fingerprint) return view;
  view.progress = StepProgress::kFailed;
  view.reason = past.reason;
  view.message = past.message;
  return view;
}

void wake_by(std::uint64_t mono_usec, Decision& decision) {
  auto& wake = decision.wake_mono_usec;
  wake = std::min(mono_usec, wake.value_or(mono_usec));
}

void find_faults(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  for (auto& view : decision.views) {
    if (view.progress != StepProgress::kFailed) continue;
    view.fault = fault_of(plan, state, world, view);
    if (view.fault == Fault::kUnknown) wake_by(fault_known_usec(state, view.subject), decision);
  }
}

void climb(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  if (!decision.events.empty() || !decision.actions.empty()) return;
  decision.climb = next_rung(plan, state, world, decision);
  const Climb& next = decision.climb;
  if (next.wake_mono_usec) wake_by(*next.wake_mono_usec, decision);
  if (next.rung == Rung::kReboot) {
    decision.events.push_back(reboot_ordered({plan.generation, next.reason, next.message}));
  } else if (next.rung == Rung::kRecovery) {
    decision.events.push_back(
        recovery_entered({next.reason, next.message, "", state.tried_tree()}));
  }
}

void apply_plan(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  const std::string clearing = clear_obsolete(plan, state, world, decision);
  Walk walk;
  for (const auto& phase : plan.phases)
    walk.phase_settled[phase] = true;
  bool past_limit = false;  // of `klubster apply --until`
  for (const auto& step : plan.steps) {
    std::string blocked = clearing.empty() ? gate(plan, step, walk) : clearing;
    const SubjectState& past = state.subject(step.subject);
    const bool new_here = !past.is_done(step.fingerprint, step.service());
    if (blocked.empty() && past_limit && new_here) blocked = "after --until " + state.until;
    const bool shut = state.recovery && (new_here || state.recovery->reason == kKeepsRebooting);
    if (shut) blocked = "klubster recover (recovery mode)";
    StepDecider decider(plan, step, state, world, decision);
    const bool waits = !blocked.empty() && clearing.empty() && !shut;
    StepView view = decider.decide(blocked, waits && is_next(plan, step, walk));
    if (shut) view = keep_shut(std::move(view), step, past);
    // What is ready does not wait for what does not begin: it comes back after a reboot.
    const bool passed = view.settled() || shut;
    walk.settled[step.subject] = passed;
    walk.moves[step.subject] = moves(view);
    if (!passed) walk.phase_settled[step.phase] = false;
    decision.views.push_back(std::move(view));
    past_limit = past_limit || step.subject == state.until;
  }
  for (const auto& command : plan.commands) {
    StepDecider decider(plan, command, state, world, decision);
    decision.commands.push_back(decider.decide(""));
  }
  decision.ready = std::all_of(decision.views.begin(), decision.views.end(),
                               [](const StepView& view) { return view.settled(); });
  const bool good = state.last_good_generation == plan.generation;
  const bool clear = clearing.empty();
  const bool counts = clear && !good && !state.recovery && !plan.steps.empty();
  if (decision.ready && counts && decision.events.empty()) {
    decision.events.push_back(generation_ready(plan.generation));
  }
  find_faults(plan, state, world, decision);
  climb(plan, state, world, decision);
}

// A reboot that is owed: nothing begins any more, no check is asked whether the step has
// done what may need the reboot, and tasks that run come to their end.
void reboot(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  bool busy = false;
  const auto follow = [&](const Step& step, std::vector<StepView>& views) {
    const SubjectState& past = state.subject(step.subject);
    if (!step.service() && past.run && past.run->boot == world.boot) {
      busy = true;
      views.push_back(StepDecider(plan, step, state, world, decision).decide(""));
      return;
    }
    StepView view;
    view.subject = step.subject;
    view.attempt = past.attempts;
    view.progress = StepProgress::kWaiting;
    view.message =
        "the reboot that " + (state.reboot_by.empty() ? "a step" : state.reboot_by) + " asked for";
    views.push_back(std::move(view));
  };
  for (const auto& step : plan.steps)
    follow(step, decision.views);
  for (const auto& command : plan.commands)
    follow(command, decision.commands);
  if (!busy) decision.actions.emplace_back(Reboot{});
}

// Undo everything in reverse; what earlier generations left comes last, and only for a destroy.
void leave(const Plan& plan, const NodeState& state, const World& world, Decision& decision) {
  bool undone = undo_in_reverse(plan.steps, plan, state, world, decision, decision.views);
  if (state.leave.destroy && undone) {
    undone = undo_in_reverse(plan.obsolete, plan, state, world, decision, decision.obsolete);
  }
  const bool at_rest = decision.events.empty() && decision.actions.empty();
  if (undone && state.leaving && at_rest) decision.events.push_back(left());
}

}  // namespace

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kRun:
      return "run";
    case Stage::kReady:
      return "ready";
    case Stage::kCheck:
      return "check";
    case Stage::kVerify:
      return "verify";
    case Stage::kUndo:
      return "undo";
  }
  return "run";
}

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
    case StepProgress::kObsolete:
      return "obsolete";
    case StepProgress::kUndoing:
      return "undoing";
    case StepProgress::kUndone:
      return "undone";
  }
  return "pending";
}

bool moves(const StepView& view) {
  switch (view.progress) {
    case StepProgress::kChecking:
    case StepProgress::kRunning:
      return true;
    case StepProgress::kStarting:
      return !view.patient;
    case StepProgress::kUndoing:
      return view.reason.empty();  // else its next try is still to come
    default:
      return false;
  }
}

Decision reconcile(const Plan& plan, const NodeState& state, const World& world) {
  Decision decision;
  const bool owes_reboot = state.reboot_owed_in_boot == world.boot && !world.boot.empty();
  if (state.leaving || (state.gone && !owes_reboot)) {
    leave(plan, state, world, decision);
  } else if (owes_reboot) {
    reboot(plan, state, world, decision);
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
  return "klubster-" + std::string(to_string(stage)) + "-" + step.phase + "-" + step.spec.id +
         ".service";
}

}  // namespace klubster
