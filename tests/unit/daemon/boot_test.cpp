// The facts of a boot, from what is on the disk, and how often a boot is judged.
#include "daemon/boot.h"

#include <filesystem>

#include "tests/fakes/fake_ports.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

struct Machine {
  TemporaryDirectory directory;
  Places places;
  NodeState state;
  ConfigSources sources;
  std::string damage;
  std::optional<std::string> reset_by;
  Status tree;

  Machine() {
    places.state = directory.path();
    std::filesystem::create_directories(places.generations());
    fold(booted("first", ""), "boot1");
    fold(config_accepted("hash"), "boot1");
  }
  void fold(Event event, const std::string& boot) {
    event.boot = boot;
    event.seq = state.last_seq + 1;
    state.fold(event);
  }
  BootVerdict verdict() const {
    return kind_of_boot(boot_facts({state, "boot2", damage, sources, tree, "", reset_by}, places));
  }
  std::string kind() const { return std::string(to_string(verdict().kind)); }
};

Event made(std::uint64_t number) {
  GenerationFacts generation;
  generation.number = number;
  return generation_made(generation);
}

}  // namespace

TEST_CASE("a machine that was shut down boots normally", "[boot]") {
  Machine machine;
  machine.fold(stopping(), "boot1");
  CHECK(machine.kind() == "normal");
}

TEST_CASE("an orderly stop counts for its own boot alone", "[boot]") {
  Machine machine;
  machine.fold(stopping(), "boot0");
  CHECK(machine.verdict().reason == "the last boot ended without an orderly stop");
  CHECK(machine.kind() == "after-crash");
}

TEST_CASE("a log from before there was a record of stops gives no normal boot", "[boot]") {
  CHECK(Machine().verdict().reason == "it is not known how the last boot ended");
}

TEST_CASE("a generation is on trial until it was ready", "[boot]") {
  Machine machine;
  machine.fold(made(1), "boot1");
  machine.fold(stopping(), "boot1");
  CHECK(machine.kind() == "trial");
  machine.fold(generation_ready(1), "boot1");
  CHECK(machine.kind() == "normal");
}

TEST_CASE("the kernel command line asks for recovery", "[boot]") {
  Machine machine;
  machine.fold(stopping(), "boot1");
  machine.sources.kernel_words = {"ro", "klubster.recovery=1"};
  CHECK(machine.kind() == "recovery");
  machine.sources.kernel_words = {"klubster.recovery=0"};
  CHECK(machine.kind() == "normal");
}

TEST_CASE("a refused tree degrades only who had a good one", "[boot]") {
  Machine machine;
  machine.fold(stopping(), "boot1");
  machine.tree = Error(ErrorKind::kInvalid, "ConfigInvalid", "no");
  CHECK(machine.kind() == "degraded");
  machine.state.config_hash.clear();
  CHECK(machine.kind() == "normal");
}

TEST_CASE("a log that is gone while generations are there is not a first boot", "[boot]") {
  Machine machine;
  machine.state = {};
  CHECK(machine.kind() == "first");
  std::filesystem::create_directories(machine.places.generations() + "/1");
  CHECK(machine.verdict().reason ==
        "the event log is gone, but not what it told of; no event log was there");
  CHECK(machine.kind() == "degraded");
}

TEST_CASE("a boot is judged again when time has passed, and stays good", "[boot]") {
  ManualTimers timers;
  int again = 0;
  BootJudge judge(timers, [&] { ++again; });
  NodeState state;
  state.boot = "boot1";
  judge.begin();
  CHECK(judge.judge(state, {}, {}).judgement == BootJudgement::kPending);
  REQUIRE(timers.due.has_value());
  timers.now = *timers.due;
  CHECK(judge.judge(state, {}, {}).judgement == BootJudgement::kGood);

  state.blessed_boot = "boot1";
  AssessmentFacts bad;
  bad.unsound = "later";
  CHECK(judge.judge(state, bad, {}).judgement == BootJudgement::kGood);
  state.boot = "boot2";
  CHECK(judge.judge(state, bad, {}).judgement == BootJudgement::kBad);
}

TEST_CASE("what failed and is tried again has its time anew before the boot is good", "[boot]") {
  ManualTimers timers;
  BootJudge judge(timers, [] {});
  NodeState state;
  state.boot = "boot1";
  Decision decision;
  decision.views.resize(1);
  decision.views[0].progress = StepProgress::kFailed;
  judge.begin();
  timers.now += 900'000'000;
  REQUIRE(judge.judge(state, {}, decision).judgement == BootJudgement::kBad);
  decision.views[0].progress = StepProgress::kRunning;
  CHECK(judge.judge(state, {}, decision).judgement == BootJudgement::kPending);
  REQUIRE(timers.due.has_value());
  timers.now += 60'000'000;
  CHECK(judge.judge(state, {}, decision).judgement == BootJudgement::kPending);
  decision.views[0].progress = StepProgress::kWaiting;  // for peers, or for a reboot
  CHECK(judge.judge(state, {}, decision).judgement == BootJudgement::kGood);
}

TEST_CASE("what is unsound is told, also when the damage was set aside", "[boot]") {
  NodeState state;
  CHECK(unsound_state(state, "", {}, false).empty());
  CHECK(unsound_state(state, "event 7", {}, true) == "the event log is damaged: event 7");
  state.boot_kind = "degraded";
  state.boot_reason = "the event log is damaged: event 7";
  CHECK(unsound_state(state, "", {}, true) == state.boot_reason);
  state.boot_reason = "the config tree was refused, and the last good one in force";
  CHECK(unsound_state(state, "", {}, true).empty());
  state.config_reason = "ConfigInvalid";
  state.config_message = "node/modes: no";
  state.config_hash = "hash";
  CHECK(unsound_state(state, "", {}, true) == "the config tree is refused: node/modes: no");
}
