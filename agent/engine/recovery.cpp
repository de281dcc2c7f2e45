// Climbing the recovery ladder.
#include "engine/recovery.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "engine/reconcile.h"

namespace klubster {

namespace {

// A peer that is switched off is noticed by this time: klubster-peerd calls each one when this
// node's record changes, and one of them every 30 s.
constexpr std::uint64_t kSilenceUsec = 60'000'000;
constexpr std::size_t kMessageBytes = 400;

constexpr auto kInputFaults = std::to_array<std::string_view>(
    {"BadValue", "ConfigInvalid", "EngineUnsupported", "FactConflict", "FactMissing",
     "InputMissing", "InputRefused", "KlubsterTooOld", "ManifestInvalid", "ModeMissing",
     "UnitExists", "UnitMasked"});

// Of the steps up to and with this one, in the order of the plan.
bool any_up_to(const Plan& plan, const std::string& last, auto holds) {
  for (const auto& step : plan.steps) {
    if (!step.skipped && holds(step)) return true;
    if (step.subject == last) break;
  }
  return false;
}

bool asks_peers(const Step& step) {
  return !step.spec.needs.empty() || !step.facts.empty();
}

bool lacks_peers(const Step& step, const World& world) {
  if (!asks_peers(step)) return false;
  const auto need = world.needs.find(step.subject);
  return need == world.needs.end() || !need->second.satisfied || need->second.away;
}

bool pauses(const StepView& view) {
  return view.progress == StepProgress::kRetrying;
}

class Ladder {
 public:
  Ladder(const Plan& plan, const NodeState& state, const World& world, const Decision& decision)
      : plan_(plan), state_(state), world_(world), decision_(decision) {}

  Climb next() const {
    if (plan_.ladder.highest == Rung::kNone || !on_trial()) return {};
    const auto& views = decision_.views;
    const bool asks = std::ranges::any_of(
        views, [](const StepView& view) { return view.progress == StepProgress::kNeedsPerson; });
    if (asks) return {};
    const bool rests = std::ranges::none_of(views, moves);
    if (const StepView* failed = find(&Ladder::is_failed); rests && failed != nullptr) {
      return climb(*failed, failed->reason, failed->subject + ": " + failed->message);
    }
    return past_deadline();
  }

 private:
  bool on_trial() const {
    return !state_.recovery && !state_.leaving && !state_.gone && !decision_.ready &&
           !plan_.steps.empty() && state_.last_good_generation != plan_.generation;
  }

  bool is_failed(const StepView& view) const {
    return view.progress == StepProgress::kFailed && !is_input_fault(view.reason);
  }
  bool is_working(const StepView& view) const { return moves(view) || pauses(view); }

  // The first step of which it holds, and which the ladder is for.
  const StepView* find(bool (Ladder::*holds)(const StepView&) const) const {
    for (const auto& view : decision_.views) {
      if ((this->*holds)(view) && !(is_stack(view) && others_ready())) return &view;
    }
    return nullptr;
  }
  static bool is_stack(const StepView& view) { return view.subject.starts_with("stack/"); }
  bool others_ready() const {
    return std::ranges::all_of(
        decision_.views, [](const StepView& view) { return is_stack(view) || view.settled(); });
  }

  Climb past_deadline() const {
    const std::uint64_t deadline = plan_.ladder.deadline_usec;
    const StepView* working = find(&Ladder::is_working);
    if (deadline == 0 || working == nullptr) return {};
    if (world_.trial_spent_usec < deadline) {
      Climb later;
      later.wake_mono_usec = world_.now_mono_usec + (deadline - world_.trial_spent_usec);
      return later;
    }
    std::string message = "not ready after " + duration_text(deadline) +
                          " of work: " + working->subject + " is " +
                          std::string(to_string(working->progress));
    if (!working->message.empty()) message += " (" + working->message + ")";
    return climb(*working, "TrialTimedOut", message);
  }

  Climb climb(const StepView& culprit, std::string reason, const std::string& message) const {
    Climb next;
    switch (fault_of(plan_, state_, world_, culprit)) {
      case Fault::kPeers:
        return {};
      case Fault::kUnknown:
        next.wake_mono_usec = fault_known_usec(state_, culprit.subject);
        return next;
      case Fault::kOwn:
        break;
    }
    next.rung = rung();
    if (next.rung == Rung::kNone) return next;
    next.reason = std::move(reason);
    next.message = printable(message, kMessageBytes);
    return next;
  }

  Rung rung() const {
    const LadderLimits& limits = plan_.ladder;
    if (state_.ladder_reboots(plan_.generation) < limits.reboots) return Rung::kReboot;
    if (limits.highest >= Rung::kRollBack && may_roll_back()) return Rung::kRollBack;
    return limits.highest == Rung::kRecovery ? Rung::kRecovery : Rung::kNone;
  }
  bool may_roll_back() const {
    if (!state_.good || !state_.generation) return false;
    return state_.generation->rollback_of != state_.good->number;
  }

  const Plan& plan_;
  const NodeState& state_;
  const World& world_;
  const Decision& decision_;
};

}  // namespace

Fault fault_of(const Plan& plan, const NodeState& state, const World& world, const StepView& view) {
  if (is_input_fault(view.reason)) return Fault::kOwn;
  const std::string& subject = view.subject;
  const auto lacks = [&world](const Step& step) { return lacks_peers(step, world); };
  if (any_up_to(plan, subject, lacks)) return Fault::kPeers;
  const bool recent = state.subject(subject).failed_boot == world.boot &&
                      fault_known_usec(state, subject) > world.now_mono_usec;
  return recent && any_up_to(plan, subject, asks_peers) ? Fault::kUnknown : Fault::kOwn;
}

bool misses_peers(const Plan& plan, const World& world, const std::string& subject) {
  return any_up_to(plan, subject, [&world](const Step& step) {
    return world.needs.contains(step.subject) && lacks_peers(step, world);
  });
}

std::uint64_t fault_known_usec(const NodeState& state, const std::string& subject) {
  return state.subject(subject).failed_mono_usec + kSilenceUsec;
}

std::string too_many_boots(const NodeState& state, std::uint64_t limit) {
  const bool bound = state.generation && !state.gone && !state.leaving;
  if (limit == 0 || !bound || state.short_boots < limit) return {};
  return std::to_string(state.short_boots) +
         (state.short_boots == 1 ? " boot" : " boots in a row") + " ended within " +
         duration_text(kShortBootUsec) + " of the start, and klubster did not order it";
}

Climb next_rung(const Plan& plan, const NodeState& state, const World& world,
                const Decision& decision) {
  return Ladder(plan, state, world, decision).next();
}

bool is_input_fault(const std::string& reason) {
  return std::ranges::find(kInputFaults, reason) != kInputFaults.end();
}

std::uint64_t TrialClock::spent_usec(std::uint64_t trial, std::uint64_t now_mono_usec) {
  if (trial != time_.trial) time_ = {.trial = trial};
  now_mono_usec_ = now_mono_usec;
  return sum_usec();
}

void TrialClock::set_running(bool running) {
  if (running == time_.running) return;
  time_ = {time_.trial, sum_usec(), running ? now_mono_usec_ : 0, running};
}

std::uint64_t TrialClock::sum_usec() const {
  const std::uint64_t since = std::min(time_.since_mono_usec, now_mono_usec_);
  return time_.spent_usec + (time_.running ? now_mono_usec_ - since : 0);
}

bool works(const Decision& decision) {
  return std::ranges::any_of(decision.views,
                             [](const StepView& view) { return moves(view) || pauses(view); });
}

}  // namespace klubster
