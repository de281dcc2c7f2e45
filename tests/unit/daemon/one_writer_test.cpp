// One writer: what the loser is told.
#include "daemon/one_writer.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Event at(Event event, std::uint64_t time_usec) {
  event.time_usec = time_usec;
  return event;
}

NodeState with_generation(std::uint64_t number, const std::string& by) {
  NodeState state;
  GenerationFacts made;
  made.number = number;
  made.by = by;
  state.fold(generation_made(made));
  return state;
}

}  // namespace

TEST_CASE("while an apply is under way the next one learns whose it is", "[one-writer]") {
  NodeState state;
  CHECK(may_change(state, {}).has_value());
  state.fold(at(retry_requested({.by = "root (uid 0, pid 12)"}), 1'000'000));
  const Status refused = may_change(state, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().reason() == "ApplyUnderWay");
  CHECK(refused.error().kind() == ErrorKind::kConflict);
  CHECK(refused.error().message() == "root (uid 0, pid 12) applies since 1970-01-01T00:00:01Z");
  CHECK(may_change(state, {.interrupt = true}).has_value());

  state.fold(apply_ended());
  CHECK(may_change(state, {}).has_value());
}

TEST_CASE("another generation than expected is told with who made it", "[one-writer]") {
  const NodeState by_person = with_generation(2, "root (uid 0, pid 12)");
  CHECK(may_change(by_person, {.if_generation = 2}).has_value());
  const Status refused = may_change(by_person, {.if_generation = 1});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().reason() == "GenerationDiffers");
  CHECK(refused.error().message() ==
        "expected generation 1, found 2, made by root (uid 0, pid 12)");

  const Status by_itself = may_change(with_generation(3, ""), {.if_generation = 1});
  REQUIRE_FALSE(by_itself.has_value());
  CHECK(by_itself.error().message().find("by klubsterd itself") != std::string::npos);
  CHECK(may_change(NodeState(), {.if_generation = 1}).error().message() ==
        "expected generation 1, found 0");
}

TEST_CASE("an interrupting change does not forget the expected generation", "[one-writer]") {
  NodeState state = with_generation(2, "x");
  state.fold(retry_requested({.by = "y"}));
  CHECK_FALSE(may_change(state, {.if_generation = 1, .interrupt = true}).has_value());
}

TEST_CASE("on a node that leaves the refused one learns who asked for that", "[one-writer]") {
  NodeState state;
  state.fold(leave_requested({.by = "root (uid 0, pid 12)"}));
  CHECK(refused_by_leave(state).message() ==
        "this node leaves its cluster, as root (uid 0, pid 12) asked");
  CHECK(refused_by_leave(state).kind() == ErrorKind::kConflict);
  state.fold(left());
  CHECK(refused_by_leave(state).message() == "this node has left its cluster");
}
