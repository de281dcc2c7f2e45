// What the state remembers of applies and of the ratchet.
#include "model/node_state.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

AcceptedProfile profile(const std::string& source, std::uint64_t seq) {
  return {source, "digest", "p", "1", "KEY", seq};
}

}  // namespace

TEST_CASE("an apply is open until it ended, also for who reads the log anew", "[state]") {
  NodeState state;
  Event asked = retry_requested({.by = "root"});
  asked.time_usec = 42;
  state.fold(asked);
  REQUIRE(state.applying.has_value());
  CHECK(state.applying->by == "root");
  CHECK(state.applying->since_usec == 42);
  CHECK_FALSE(state.applying->made);
  state.fold(booted("normal", ""));
  CHECK(state.applying.has_value());
  GenerationFacts made;
  made.number = 2;
  state.fold(generation_made(made));
  CHECK(state.applying->made);
  state.fold(apply_ended());
  CHECK_FALSE(state.applying.has_value());
}

TEST_CASE("an orderly stop and a blessing are of their boot", "[state]") {
  NodeState state;
  const auto fold = [&](Event event, const std::string& boot) {
    event.boot = boot;
    state.fold(event);
  };
  fold(booted("normal", ""), "boot1");
  fold(boot_blessed("normal", "all phases are ready"), "boot1");
  fold(stopping(), "boot1");
  fold(booted("normal", ""), "boot2");
  CHECK(state.boot == "boot2");
  CHECK(state.blessed_boot == "boot1");
  CHECK(state.stopped_boot == "boot1");
}

TEST_CASE("who leaves ends the apply that was under way", "[state]") {
  NodeState state;
  state.fold(retry_requested({.by = "a"}));
  state.fold(leave_requested({.by = "b"}));
  CHECK_FALSE(state.applying.has_value());
  CHECK(state.leave.by == "b");
}

TEST_CASE("an apply that holds does not bring a node back by itself", "[state]") {
  NodeState state;
  state.fold(leave_requested({.by = "a"}));
  state.fold(left());
  RequestedApply apply;
  apply.by = "b";
  apply.hold = true;
  state.fold(retry_requested(apply));
  CHECK(state.gone);
  CHECK(state.applying.has_value());
  apply.hold = false;
  state.fold(retry_requested(apply));
  CHECK_FALSE(state.gone);
}

TEST_CASE("the ratchet goes up only, and down once for the source that it was allowed to",
          "[state]") {
  NodeState state;
  state.fold(profile_accepted(profile("new", 7)));
  state.fold(profile_accepted(profile("new", 5)));
  CHECK(state.ratchet("old").at("KEY") == 7);

  state.fold(downgrade_allowed("old", "root"));
  CHECK(state.ratchet("old").empty());
  CHECK(state.ratchet("other").at("KEY") == 7);
  CHECK(state.ratchet("").at("KEY") == 7);
  state.fold(profile_accepted(profile("old", 3)));
  CHECK(state.ratchet("old").at("KEY") == 3);  // from here on it goes up again

  state.fold(downgrade_allowed("older", "root"));
  state.fold(profile_accepted(profile("other", 9)));
  CHECK(state.ratchet("older").at("KEY") == 9);  // the permission was for the next profile
}
