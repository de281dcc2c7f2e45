// A download's progress, as a line that a worker says of itself.
#include "engine/progress.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a status line comes back as it was", "[progress]") {
  const auto progress =
      GENERATE(FetchProgress{0, 0, 0}, FetchProgress{5, 0, 0}, FetchProgress{0, 10, 0},
               FetchProgress{7, 0, 3}, FetchProgress{1048576, 5242880, 524288});
  const auto read = fetch_progress(status_line(progress));
  REQUIRE(read.has_value());
  CHECK(read->bytes == progress.bytes);
  CHECK(read->total == progress.total);
  CHECK(read->bytes_per_second == progress.bytes_per_second);
}

TEST_CASE("anything else that a worker says of itself is no progress", "[progress]") {
  for (const std::string line :
       {"", "downloading", "downloading x bytes", "downloading -1 bytes", "downloading 01 bytes",
        "downloading 1 bytes\n", "downloading 1 of 0 bytes",
        "downloading 99999999999999999999 bytes", "downloading 1 bytes, 5 bytes/s and more",
        "ready"}) {
    INFO(line);
    CHECK_FALSE(fetch_progress(line).has_value());
  }
  CHECK_FALSE(fetch_progress(std::string(100'000, '1')).has_value());
}

TEST_CASE("time left is told when size and rate are known", "[progress]") {
  CHECK(progress_text({13'002'342, 52'428'800, 1'992'294}) ==
        "12.3 of 50.0 MiB, 1.8 MiB/s, 19 s left");
  CHECK(progress_text({13'002'342, 0, 0}) == "12.3 MiB");
  CHECK(FetchProgress{20, 10, 5}.left_sec() == 0);
  CHECK_FALSE(FetchProgress{20, 100, 0}.left_sec().has_value());
  CHECK(progress_text({0, INT64_MAX, 1}).find(" h left") != std::string::npos);
}
