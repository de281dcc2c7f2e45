// Whether a boot is good.
#include "engine/boot_assessment.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Decision with(StepProgress progress, std::string message = "") {
  Decision decision;
  StepView done, other;
  done.subject = "server/one";
  done.progress = StepProgress::kDone;
  other.subject = "server/two";
  other.progress = progress;
  other.message = std::move(message);
  decision.views = {done, other};
  decision.ready = other.settled();
  return decision;
}

std::string verdict(const AssessmentFacts& facts, const Decision& decision) {
  return std::string(to_string(assess_boot(facts, decision).judgement));
}

AssessmentFacts after_a_while() {
  return {};
}
AssessmentFacts over() {
  AssessmentFacts facts;
  facts.over = true;
  return facts;
}

}  // namespace

TEST_CASE("a node that is ready has booted well", "[boot]") {
  CHECK(verdict(after_a_while(), with(StepProgress::kReady)) == "good");
  AssessmentFacts early;
  early.settling = true;
  CHECK(verdict(early, with(StepProgress::kReady)) == "good");
}

TEST_CASE("who waits for a peer has booted well, once the peers could have answered", "[boot]") {
  const Decision waiting = with(StepProgress::kWaiting, "server Ready at any of n1");
  AssessmentFacts early;
  early.settling = true;
  CHECK(verdict(early, waiting) == "pending");
  const Assessment later = assess_boot(after_a_while(), waiting);
  CHECK(later.judgement == BootJudgement::kGood);
  CHECK(later.reason ==
        "nothing has failed; not ready yet: server/two: waiting (server Ready at any of n1)");
}

TEST_CASE("what is under way is waited for, and is no failure when time is over", "[boot]") {
  const auto progress = GENERATE(StepProgress::kRunning, StepProgress::kStarting,
                                 StepProgress::kRetrying, StepProgress::kChecking);
  CHECK(verdict(after_a_while(), with(progress)) == "pending");
  CHECK(verdict(over(), with(progress)) == "good");
}

TEST_CASE("a step that has failed for good makes a bad boot at once", "[boot]") {
  const auto progress = GENERATE(StepProgress::kFailed, StepProgress::kNeedsPerson);
  AssessmentFacts early;
  early.settling = true;
  const Assessment bad = assess_boot(early, with(progress, "ended with exit code 7"));
  CHECK(bad.judgement == BootJudgement::kBad);
  CHECK(bad.reason ==
        "server/two: " + std::string(to_string(progress)) + " (ended with exit code 7)");
}

TEST_CASE("what failed without its peers makes no bad boot, once it is known that they are away",
          "[boot]") {
  Decision decision = with(StepProgress::kFailed, "ended with exit code 7");
  decision.views[1].fault = Fault::kUnknown;
  CHECK(verdict(after_a_while(), decision) == "pending");
  decision.views[1].fault = Fault::kPeers;
  const Assessment good = assess_boot(after_a_while(), decision);
  CHECK(good.judgement == BootJudgement::kGood);
  CHECK(good.reason ==
        "nothing has failed by itself; not ready yet: server/two: failed while peers that it needs "
        "are not there (ended with exit code 7)");
  AssessmentFacts all;
  all.demand_ready = all.over = true;
  CHECK(verdict(all, decision) == "bad");
}

TEST_CASE("an unsound state and recovery mode make a bad boot, also of a ready node", "[boot]") {
  AssessmentFacts facts;
  facts.unsound = "the event log is damaged: event 7";
  CHECK(assess_boot(facts, with(StepProgress::kReady)).reason == facts.unsound);
  CHECK(verdict(facts, with(StepProgress::kReady)) == "bad");
  facts.unsound.clear();
  facts.recovery = "asked for";
  CHECK(verdict(facts, with(StepProgress::kReady)) == "bad");
}

TEST_CASE("with recovery/bless = ready only ready is good", "[boot]") {
  AssessmentFacts facts;
  facts.demand_ready = true;
  const Decision waiting = with(StepProgress::kWaiting, "n1");
  CHECK(verdict(facts, waiting) == "pending");
  CHECK(verdict(facts, Decision{}) == "pending");
  CHECK(verdict(facts, with(StepProgress::kReady)) == "good");
  facts.over = true;
  CHECK(verdict(facts, waiting) == "bad");
}

TEST_CASE("a machine that nobody configured yet has booted well", "[boot]") {
  CHECK(verdict(after_a_while(), Decision{}) == "good");
}
