// A clock that is behind is told without asking anybody.
#include "model/clock_floor.h"

#include "base/build_time.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

constexpr std::uint64_t kDay = 86'400'000'000;
constexpr std::uint64_t kBuilt = kBuildTimeSec * 1'000'000;

}  // namespace

TEST_CASE("the floor is the latest of build, last event and signed profile", "[clock]") {
  NodeState state;
  CHECK(clock_floor_usec(state) == kBuilt);
  state.last_time_usec = kBuilt + kDay;
  CHECK(clock_floor_usec(state) == kBuilt + kDay);
  state.key_seq["key"] = kBuildTimeSec + 2 * 86'400;
  CHECK(clock_floor_usec(state) == kBuilt + 2 * kDay);
}

TEST_CASE("a seq that is a plain counter says nothing about time", "[clock]") {
  NodeState state;
  state.key_seq["key"] = GENERATE(7ULL, 99'999'999'999ULL);
  CHECK(clock_floor_usec(state) == kBuilt);
}

TEST_CASE("a clock before the floor is named with both moments", "[clock]") {
  CHECK_FALSE(clock_trouble(kBuilt, kBuilt));
  CHECK_FALSE(clock_trouble(kBuilt - 1'000'000, kBuilt));
  const auto trouble = clock_trouble(0, kBuilt);
  REQUIRE(trouble);
  CHECK(trouble->reason() == "ClockSuspect");
  CHECK(trouble->message().find("1970-01-01") != std::string::npos);
}
