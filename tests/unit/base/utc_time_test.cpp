// Text of points in time.
#include "base/utc_time.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a point in time is text to the second or to the microsecond", "[utc-time]") {
  constexpr std::uint64_t kMoment = 1'763'689'740'000'123;  // date -u -d @1763689740
  CHECK(utc_text(kMoment) == "2025-11-21T01:49:00Z");
  CHECK(utc_text_usec(kMoment) == "2025-11-21T01:49:00.000123Z");
  CHECK(parse_utc(utc_text_usec(kMoment)) == kMoment);
  CHECK(parse_utc(utc_text(kMoment)) == kMoment - 123);
}
