// Judging a boot.
#include "engine/boot_assessment.h"

#include <algorithm>

namespace klubster {

namespace {

const StepView* failed_step(const std::vector<StepView>& views) {
  const auto found = std::ranges::find_if(
      views, [](const StepView& view) { return view.failed() && view.fault == Fault::kOwn; });
  return found == views.end() ? nullptr : &*found;
}

// One that is tried again, or gets all the time that it needs, may come to a good end or fail for
// good; of another one it still has to show whether it failed by itself.
const StepView* open_step(const std::vector<StepView>& views) {
  const auto found = std::ranges::find_if(views, [](const StepView& view) {
    return moves(view) || view.progress == StepProgress::kRetrying ||
           view.progress == StepProgress::kStarting || view.fault == Fault::kUnknown;
  });
  return found == views.end() ? nullptr : &*found;
}

const StepView* unsettled_step(const std::vector<StepView>& views) {
  const auto found =
      std::ranges::find_if(views, [](const StepView& view) { return !view.settled(); });
  return found == views.end() ? nullptr : &*found;
}

std::string told(const StepView& view) {
  std::string text = view.subject + ": " + std::string(to_string(view.progress));
  if (view.fault == Fault::kPeers) text += " while peers that it needs are not there";
  if (!view.message.empty()) text += " (" + view.message + ")";
  return text;
}

}  // namespace

std::string_view to_string(BootJudgement judgement) {
  switch (judgement) {
    case BootJudgement::kPending:
      return "pending";
    case BootJudgement::kGood:
      return "good";
    case BootJudgement::kBad:
      return "bad";
  }
  return "bad";
}

Assessment assess_boot(const AssessmentFacts& facts, const Decision& decision) {
  if (!facts.unsound.empty()) return {BootJudgement::kBad, facts.unsound};
  if (!facts.recovery.empty()) {
    return {BootJudgement::kBad, "the node is in recovery mode: " + facts.recovery};
  }
  if (const auto* failed = failed_step(decision.views)) {
    return {BootJudgement::kBad, told(*failed)};
  }
  if (decision.ready && !facts.moving) return {BootJudgement::kGood, "all phases are ready"};

  const StepView* open = open_step(decision.views);
  const StepView* unsettled = unsettled_step(decision.views);
  if (facts.demand_ready) {
    const std::string what = unsettled == nullptr ? "there is no plan yet" : told(*unsettled);
    return {facts.over ? BootJudgement::kBad : BootJudgement::kPending,
            "recovery/bless demands that all phases are ready: " + what};
  }
  const bool under_way = facts.moving || facts.settling || open != nullptr;
  const std::string waits =
      unsettled == nullptr ? "" : "; not ready yet: " + told(open == nullptr ? *unsettled : *open);
  if (under_way && !facts.over) return {BootJudgement::kPending, "under way" + waits};
  const bool excused = std::ranges::any_of(
      decision.views, [](const StepView& view) { return view.fault == Fault::kPeers; });
  return {BootJudgement::kGood,
          (excused ? "nothing has failed by itself" : "nothing has failed") + waits};
}

}  // namespace klubster
