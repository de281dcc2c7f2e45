// Looking back: events from a number on, the newest ones, and the state of any moment.
#include "linux/log_history.h"

#include "tests/unit/linux/log_directory.h"

using namespace klubster;

namespace {

constexpr LogLimits kLimits = {
    .segment_bytes = 2000, .log_bytes = 9000, .snapshot_events = 100'000};

std::vector<std::uint64_t> numbers(const Result<std::vector<Event>>& events) {
  std::vector<std::uint64_t> found;
  for (const auto& event : *events)
    found.push_back(event.seq);
  return found;
}

}  // namespace

TEST_CASE("events are told from a number on, or the newest", "[log_history]") {
  LogDirectory directory;
  directory.append(40, kSmallLimits);
  using Numbers = std::vector<std::uint64_t>;
  CHECK(numbers(read_events(directory.log(), 1, 3)) == Numbers{1, 2, 3});
  CHECK(numbers(read_events(directory.log(), 17, 4)) == Numbers{17, 18, 19, 20});
  CHECK(numbers(read_events(directory.log(), 39, 10)) == Numbers{39, 40});
  CHECK(numbers(read_events(directory.log(), 41, 10)).empty());
  CHECK(numbers(read_events(directory.log(), 0, 3)) == Numbers{38, 39, 40});
  CHECK(numbers(read_events(directory.log(), 0, 100)).size() == 40);
  CHECK(numbers(read_events(directory.log(), 0, 0)).empty());
  CHECK_FALSE(read_events(directory.path() + "/nowhere", 0, 3).has_value());
}

TEST_CASE("the state after any event is the one that was", "[log_history]") {
  LogDirectory directory;
  directory.append(70, kLimits);
  const std::uint64_t first = verify_log(directory.log())->base_seq;
  REQUIRE(first > 10);
  for (std::uint64_t seq = 1; seq <= 70; ++seq) {
    const auto past = state_at(directory.log(), {seq, std::nullopt});
    REQUIRE(past.has_value() == (seq >= first));
    if (past) {
      REQUIRE(past->state == directory.states()[seq]);
    } else {
      REQUIRE(past.error().reason() == "NoSuchEvent");
    }
  }
  CHECK(state_at(directory.log(), {71, std::nullopt}).error().reason() == "NoSuchEvent");
}

TEST_CASE("the state at a time is that of the last event before it", "[log_history]") {
  LogDirectory directory;
  directory.append(20);
  const auto events = read_events(directory.log(), 1, 20);
  for (const auto& event : *events) {
    const auto past = state_at(directory.log(), {std::nullopt, event.time_usec});
    REQUIRE(past.has_value());
    REQUIRE(past->time_usec == event.time_usec);
    directory.require_true_state(past->state);
  }
  const auto before = state_at(directory.log(), {std::nullopt, 1});
  CHECK(before.error().reason() == "NoSuchEvent");
  const auto now = state_at(directory.log(), {std::nullopt, UINT64_MAX});
  REQUIRE(now.has_value());
  CHECK(now->state == directory.last_state());
}

TEST_CASE("what lies behind damage is not told as if it had been", "[log_history]") {
  LogDirectory directory;
  directory.append(20);
  std::string text = directory.bytes(directory.segment());
  const auto tenth = text.find("\"seq\":10,");
  text[tenth + 7] = '7';
  directory.put(directory.segment(), text);
  CHECK(state_at(directory.log(), {9, std::nullopt}).has_value());
  CHECK(state_at(directory.log(), {15, std::nullopt}).error().reason() == "LogDamaged");
  CHECK(state_at(directory.log(), {std::nullopt, UINT64_MAX}).error().reason() == "LogDamaged");
  const auto verdict = verify_log(directory.log());
  REQUIRE(verdict.has_value());
  CHECK(verdict->damage.find("00000001.jsonl, event 10: ") == 0);
  CHECK(verdict->last_seq == 9);
}

TEST_CASE("a reader is not disturbed by an append that is under way", "[log_history]") {
  LogDirectory directory;
  directory.append(5);
  const std::string whole = directory.bytes(directory.segment());
  directory.put(directory.segment(), whole.substr(0, whole.size() - 20));
  const auto verdict = verify_log(directory.log());
  REQUIRE(verdict.has_value());
  CHECK(verdict->damage.empty());
  CHECK(verdict->torn_bytes > 100);
  CHECK(verdict->last_seq == 4);
}
