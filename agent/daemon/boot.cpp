// Collecting the facts of a boot, and keeping time over its judgement.
#include "daemon/boot.h"

#include "linux/files.h"
#include "model/dotted_layer.h"

namespace klubster {

namespace {

// Until then peers may not have answered yet: who waits for them may soon move, and fail.
constexpr std::uint64_t kSettleUsec = 20'000'000;
// What is under way then has had its time. The limit of `klubster boot check` is longer.
constexpr std::uint64_t kPatienceUsec = 600'000'000;

TreeVerdict tree_verdict(const NodeState& state, const Status& tree) {
  if (tree) return TreeVerdict::kReadable;
  return state.config_hash.empty() ? TreeVerdict::kNone : TreeVerdict::kRefused;
}

LastStop last_stop(const NodeState& state) {
  if (state.boot.empty()) return LastStop::kUnknown;
  if (state.stopped_boot == state.boot) return LastStop::kOrderly;
  // Before there was a record of it, no boot has one.
  return state.stopped_boot.empty() && state.blessed_boot.empty() ? LastStop::kUnknown
                                                                  : LastStop::kCutOff;
}

}  // namespace

BootFacts boot_facts(const BootFindings& found, const Places& places) {
  const NodeState& state = found.state;
  BootFacts facts;
  facts.recovery_asked = kernel_flag(found.sources.kernel_words, kRecoveryFlag);
  facts.log_found = state.last_seq > 0;
  facts.damage = found.damage;
  const auto generations = list_directory(places.generations());
  facts.remains = generations && !generations->empty();
  if (!facts.log_found && found.reset_by) {
    facts.reset_by = found.reset_by->empty() ? "somebody" : *found.reset_by;
  }
  facts.generation_trouble = found.generation_trouble;
  facts.same_boot_id = state.boot == found.boot;
  facts.last_stop = last_stop(state);
  facts.tree = tree_verdict(state, found.tree);
  facts.loader = found.loader;
  if (state.recovery) facts.recovery = state.recovery->message;
  if (state.generation && !state.gone) {
    facts.generation = state.generation->number;
    facts.rollback_of = state.generation->rollback_of;
    facts.reboots = state.ladder_reboots(facts.generation);
    facts.on_trial = state.last_good_generation != state.generation->number;
  }
  return facts;
}

void BootJudge::begin() {
  begun_mono_usec_ = timers_.now_mono_usec();
}

AssessmentFacts BootJudge::timed(AssessmentFacts facts) const {
  const std::uint64_t now = timers_.now_mono_usec();
  facts.settling = now < begun_mono_usec_ + kSettleUsec;
  facts.over = now >= begun_mono_usec_ + kPatienceUsec;
  return facts;
}

const Assessment& BootJudge::judge(const NodeState& state, AssessmentFacts facts,
                                   const Decision& decision) {
  if (state.blessed_boot == state.boot && !state.boot.empty()) {
    if (assessment_.judgement != BootJudgement::kGood) {
      assessment_ = {BootJudgement::kGood, "it was found good before"};
    }
    return assessment_;
  }
  const bool was_bad = assessment_.judgement == BootJudgement::kBad;
  assessment_ = assess_boot(timed(facts), decision);
  // What was mended, or is tried again, gets its time anew: it has come to no good end yet.
  if (was_bad && assessment_.judgement != BootJudgement::kBad) {
    begin();
    assessment_ = assess_boot(timed(facts), decision);
  }
  timers_.cancel();
  facts = timed(facts);
  if (assessment_.judgement == BootJudgement::kPending && !facts.over) {
    timers_.wake_at(begun_mono_usec_ + (facts.settling ? kSettleUsec : kPatienceUsec), again_);
  }
  return assessment_;
}

std::string unsound_state(const NodeState& state, const std::string& damage,
                          const std::map<std::string, Error>& problems, bool has_plan) {
  if (!damage.empty()) return std::string(kLogTrouble) + "damaged: " + damage;
  if (const auto lost = problems.find("generation"); lost != problems.end()) {
    return lost->second.message();
  }
  if (!state.config_reason.empty() && !state.config_hash.empty()) {
    return "the config tree is refused: " + state.config_message;
  }
  const auto plan = problems.find("plan");
  if (state.generation && !has_plan && plan != problems.end()) return plan->second.message();
  // Since then the daemon was started again, and what was damaged is set aside.
  const bool degraded = state.boot_kind == to_string(BootKind::kDegraded);
  return degraded && state.boot_reason.starts_with(kLogTrouble) ? state.boot_reason : "";
}

}  // namespace klubster
