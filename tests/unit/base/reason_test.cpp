// The table of reasons, and the story that an error tells.
#include "base/reason.h"

#include <algorithm>

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("reasons are sorted, complete and found by name", "[reason]") {
  const auto table = reasons();
  CHECK(std::ranges::is_sorted(table, {}, &Reason::name));
  for (const auto& reason : table) {
    INFO(reason.name);
    CHECK(find_reason(reason.name) == &reason);
    CHECK_FALSE(reason.meaning.empty());
    CHECK_FALSE(reason.next.empty());
    CHECK(reason.meaning.back() != '.');
  }
  CHECK(find_reason("NoSuchReason") == nullptr);
}

TEST_CASE("an error tells its story outermost first", "[reason]") {
  const Error error = Error(ErrorKind::kUntrusted, "TooLarge", "file is larger than 128 MiB")
                          .in("lib/setup.sh")
                          .in("unpacking")
                          .in("profile k3s");
  CHECK(error.message() == "profile k3s: unpacking: lib/setup.sh: file is larger than 128 MiB");
}

TEST_CASE("an error's own hint comes before its reason's", "[reason]") {
  const Error plain(ErrorKind::kInvalid, "BadToken", "too short");
  CHECK(next_step(plain) == find_reason("BadToken")->next);
  CHECK(next_step(Error(plain).hint("do this")) == "do this");
  CHECK(next_step(Error(ErrorKind::kInternal, "NoSuchReason", "x")).empty());
}
