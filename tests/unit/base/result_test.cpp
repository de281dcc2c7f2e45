// Errors tell a story, outermost context first.
#include "base/result.h"

#include <cerrno>

#include "base/reason.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("contexts stand before the message, the outermost first", "[result]") {
  const Error error = Error(ErrorKind::kInvalid, "TooLarge", "file is larger than 128 MiB")
                          .in("lib/setup.sh")
                          .in("unpacking");
  CHECK(error.message() == "unpacking: lib/setup.sh: file is larger than 128 MiB");
}

TEST_CASE("a result keeps its error when context is added", "[result]") {
  const auto fails = []() -> Result<int> { return Error(ErrorKind::kIo, "DiskFull", "no space"); };
  const auto result = fails().in("writing a").in("saving");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message() == "saving: writing a: no space");
  CHECK(result.error().reason() == "DiskFull");
  CHECK(result.error().kind() == ErrorKind::kIo);
}

TEST_CASE("a full disk has a reason of its own", "[result]") {
  CHECK(system_error("writing x", ENOSPC).reason() == "DiskFull");
  CHECK(system_error("writing x", EACCES).reason() == "SystemCallFailed");
}

TEST_CASE("the table of reasons is sorted, and each row says what to do", "[reason]") {
  std::string_view before;
  for (const auto& row : reasons()) {
    INFO(row.name);
    CHECK(before < row.name);
    CHECK_FALSE(row.meaning.empty());
    CHECK_FALSE(row.next.empty());
    CHECK(find_reason(row.name) == &row);
    before = row.name;
  }
  CHECK(find_reason("NoSuchReason") == nullptr);
}

TEST_CASE("what to type next is the hint, else what the table says", "[reason]") {
  CHECK(next_step(Error(ErrorKind::kInvalid, "Usage", "x")) == "klubster --help");
  CHECK(next_step(Error(ErrorKind::kInvalid, "Usage", "x").hint("type y")) == "type y");
}
