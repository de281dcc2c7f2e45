// What the state remembers of the recovery ladder.
#include "model/node_state.h"
#include "model/rung.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

GenerationFacts facts(std::uint64_t number, std::uint64_t rollback_of = 0) {
  GenerationFacts made;
  made.number = number;
  made.config_hash = "hash-" + std::to_string(number);
  made.source = "source";
  made.rollback_of = rollback_of;
  return made;
}

Event in_boot(Event event, const std::string& boot) {
  event.boot = boot;
  return event;
}

void fail(NodeState& state, const std::string& subject, bool needs_person = false) {
  StartedRun run;
  run.subject = subject;
  run.attempt = 3;
  state.fold(run_started(run));
  EndedRun ended;
  ended.subject = subject;
  ended.outcome = RunOutcome::kFailed;
  ended.reason = "ExitCode";
  ended.needs_person = needs_person;
  state.fold(run_ended(ended));
}

}  // namespace

TEST_CASE("reboots of the ladder are counted for their generation, a person's are not", "[state]") {
  NodeState state;
  state.fold(generation_made(facts(1)));
  state.fold(in_boot(reboot_ordered({1, "ExitCode", "failed"}), "b1"));
  CHECK(state.reboot_owed_in_boot == "b1");
  CHECK(state.ladder_reboots(1) == 1);
  state.fold(in_boot(reboot_ordered({1, "Asked", "", "root"}), "b2"));
  CHECK(state.reboot_by == "root");
  CHECK(state.ladder_reboots(1) == 1);
  CHECK(state.ladder_reboots(2) == 0);
  state.fold(in_boot(reboot_ordered({1, "ExitCode", "failed"}), "b2"));
  CHECK(state.ladder_reboots(1) == 2);

  const int way = GENERATE(0, 1, 2, 3);
  if (way == 0) state.fold(generation_ready(1));
  if (way == 1) state.fold(generation_made(facts(2)));
  if (way == 2) state.fold(recovery_left("root"));
  if (way == 3) state.fold(retry_requested({.by = "root"}));
  CHECK(state.ladder_reboots(1) == 0);
}

TEST_CASE("a reboot gives new attempts, but does not speak for a person", "[state]") {
  NodeState state;
  fail(state, "server/a");
  fail(state, "server/b", true);
  fail(state, "profile/package");
  state.fold(reboot_ordered({1, "ExitCode", "failed"}));
  CHECK(state.subject("server/a").attempts == 0);
  CHECK_FALSE(state.subject("server/a").failed());
  CHECK(state.subject("server/b").needs_person);
  CHECK(state.subject("profile/package").attempts == 3);
}

TEST_CASE("recovery mode lasts until somebody recovers, or there is another generation",
          "[state]") {
  NodeState state;
  Event entered = recovery_entered({"ExitCode", "server/a: failed", "", {"hash", "source"}});
  entered.time_usec = 42;
  state.fold(entered);
  REQUIRE(state.recovery.has_value());
  CHECK(state.recovery->since_usec == 42);
  CHECK(state.recovery->tree == TreeMark{"hash", "source"});
  state.fold(booted("normal", ""));
  state.fold(retry_requested({.by = "root"}));
  state.fold(config_accepted("other"));
  CHECK(state.recovery->tree.config_hash == "hash");
  const int way = GENERATE(0, 1, 2);
  if (way == 0) state.fold(recovery_left("root"));
  if (way == 1) state.fold(generation_made(facts(2)));
  if (way == 2) state.fold(left());
  CHECK_FALSE(state.recovery.has_value());
}

TEST_CASE("recovery mode that began before the tree was read learns which one it is", "[state]") {
  NodeState state;
  state.fold(config_accepted("before"));
  state.fold(recovery_entered({"Asked", "", "the kernel command line", {}}));
  CHECK(state.recovery->tree.config_hash.empty());
  state.fold(config_accepted("now"));
  CHECK(state.recovery->tree.config_hash == "now");
}

TEST_CASE("the tree that was rolled back from is avoided until somebody decides", "[state]") {
  NodeState state;
  state.fold(generation_made(facts(1)));
  state.fold(generation_ready(1));
  state.fold(generation_made(facts(2)));
  state.fold(rolled_back({2, 1, "ExitCode", "failed", "", {"hash-2", "source"}}));
  state.fold(generation_made(facts(3, 1)));
  REQUIRE(state.avoided.has_value());
  CHECK(state.avoided->tree == TreeMark{"hash-2", "source"});
  CHECK(state.avoided->generation == 2);
  state.fold(generation_ready(3));
  state.fold(booted("normal", ""));
  CHECK(state.avoided.has_value());
  CHECK(generation_facts_from(generation_made(facts(3, 1)).data).rollback_of == 1);
  const int way = GENERATE(0, 1, 2);
  if (way == 0) state.fold(recovery_left("root"));
  if (way == 1) state.fold(retry_requested({.by = "root"}));
  if (way == 2) state.fold(generation_made(facts(4)));
  CHECK_FALSE(state.avoided.has_value());
}

TEST_CASE("the tree that was tried is that of the generation, not one that came meanwhile",
          "[state]") {
  NodeState state;
  state.fold(config_accepted("first"));
  CHECK(state.tried_tree() == TreeMark{"first", ""});
  state.fold(generation_made(facts(1)));
  state.fold(generation_made(facts(2)));
  state.fold(config_accepted("newer"));
  CHECK(state.tried_tree() == TreeMark{"hash-2", "source"});
  state.fold(rolled_back({2, 1, "ExitCode", "failed", "", state.tried_tree()}));
  state.fold(generation_made(facts(3, 1)));
  CHECK(state.tried_tree() == TreeMark{"hash-2", "source"});
}

TEST_CASE("a step is disturbed by another form of it until it is done again", "[state]") {
  NodeState state;
  const auto run = [&](const std::string& fingerprint) {
    StartedRun started;
    started.subject = "server/a";
    started.fingerprint = fingerprint;
    state.fold(run_started(started));
  };
  run("A");
  state.fold(step_done("server/a", "A", "run", {}));
  CHECK(state.subject("server/a").is_done("A", false));
  run("B");
  CHECK_FALSE(state.subject("server/a").is_done("A", false));
  CHECK(state.subject("server/a").is_done("A", true));
  run("A");
  CHECK_FALSE(state.subject("server/a").is_done("A", false));
  state.fold(step_done("server/a", "A", "run", {}));
  CHECK(state.subject("server/a").is_done("A", false));
  CHECK_FALSE(state.subject("server/a").is_done("", true));
}

TEST_CASE("the words of the rungs are read back", "[state]") {
  for (const Rung rung : {Rung::kNone, Rung::kReboot, Rung::kRollBack, Rung::kRecovery})
    CHECK(rung_of(to_string(rung)) == rung);
  CHECK_FALSE(rung_of("reset").has_value());
}

namespace {

constexpr std::uint64_t kSecond = 1'000'000;

void boot(NodeState& state, const std::string& id, std::uint64_t second) {
  Event event = in_boot(booted("normal", ""), id);
  event.time_usec = second * kSecond;
  state.fold(event);
}

// Boots 1, 2 and 3, each a minute after the one before.
NodeState booted_thrice() {
  NodeState state;
  state.fold(generation_made(facts(1)));
  boot(state, "b1", 1000);
  boot(state, "b2", 1060);
  boot(state, "b3", 1120);
  return state;
}

}  // namespace

TEST_CASE("boots that end soon after they began are counted in a row", "[state]") {
  NodeState state = booted_thrice();
  CHECK(state.short_boots == 2);  // the third one may last
  boot(state, "b4", 1120 + 599);
  CHECK(state.short_boots == 3);
  boot(state, "b5", 1120 + 599 + 600);
  CHECK(state.short_boots == 0);
}

TEST_CASE("a boot that klubster was told to end does not count as short", "[state]") {
  NodeState state = booted_thrice();
  const std::string by = GENERATE("", "root");
  state.fold(in_boot(reboot_ordered({1, "Asked", "", by}), "b3"));
  boot(state, "b4", 1180);
  CHECK(state.short_boots == 2);
}

TEST_CASE("a clock that went back says nothing about the length of a boot", "[state]") {
  NodeState state = booted_thrice();
  Event later = in_boot(config_accepted("hash"), "b3");
  later.time_usec = 90'000 * kSecond;  // the clock was set meanwhile
  state.fold(later);
  boot(state, "b4", 1180);
  CHECK(state.short_boots == 0);
}

TEST_CASE("who tries anew begins the row of short boots anew", "[state]") {
  NodeState state = booted_thrice();
  const int way = GENERATE(0, 1, 2);
  if (way == 0) state.fold(generation_made(facts(2)));
  if (way == 1) state.fold(recovery_left("root"));
  if (way == 2) state.fold(retry_requested({.by = "root"}));
  CHECK(state.short_boots == 0);
}
