// Judging a clock without asking anybody.
#include "model/clock_floor.h"

#include <algorithm>

#include "base/build_time.h"
#include "base/utc_time.h"

namespace klubster {

namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kForgivenUsec = 60 * kSecond;
// A `seq` outside of these years is a counter, not a time.
constexpr std::uint64_t kYear2020Sec = 1'577'836'800;
constexpr std::uint64_t kYear2100Sec = 4'102'444'800;

}  // namespace

std::uint64_t clock_floor_usec(const NodeState& state) {
  std::uint64_t floor = std::max(kBuildTimeSec * kSecond, state.last_time_usec);
  for (const auto& [key, seq] : state.key_seq) {
    if (seq >= kYear2020Sec && seq < kYear2100Sec) floor = std::max(floor, seq * kSecond);
  }
  return floor;
}

std::optional<Error> clock_trouble(std::uint64_t now_usec, std::uint64_t floor_usec) {
  if (now_usec + kForgivenUsec >= floor_usec) return std::nullopt;
  return Error(ErrorKind::kUnavailable, "ClockSuspect",
               "this machine's clock says " + utc_text(now_usec) + ", but " + utc_text(floor_usec) +
                   " has passed already");
}

}  // namespace klubster
