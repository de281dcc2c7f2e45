// How often the journal hears of a download.
#include "daemon/download_news.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("the journal gets at most one line of a download in ten seconds", "[download]") {
  DownloadNews news;
  const FetchProgress some{1 << 20, 10 << 20, 1 << 20};
  int lines = 0;
  for (std::uint64_t second = 0; second <= 60; ++second) {
    lines += news.line(some, second * 1'000'000 + 5) ? 1 : 0;
  }
  CHECK(lines == 6);
}

TEST_CASE("a short download makes no line, and the next one begins anew", "[download]") {
  DownloadNews news;
  const FetchProgress some{1, 0, 0};
  CHECK_FALSE(news.line(some, 1'000'000));
  CHECK_FALSE(news.line(some, 9'000'000));
  CHECK_FALSE(news.line(std::nullopt, 10'000'000));
  CHECK_FALSE(news.line(some, 30'000'000));
  CHECK(news.line(some, 41'000'000) == "downloading the package: 0.0 MiB");
}
