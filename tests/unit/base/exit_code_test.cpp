// How a program ends, by an error or by a bug.
#include "base/exit_code.h"

#include <stdexcept>

#include "base/log.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("an error's kind decides how a program ends", "[exit-code]") {
  const auto code = [](ErrorKind kind, const char* reason) {
    return plain_exit_code(Error(kind, reason, "why"));
  };
  CHECK(code(ErrorKind::kInvalid, "Usage") == kExitUsage);
  CHECK(code(ErrorKind::kInvalid, "BadValue") == kExitFixInput);
  CHECK(code(ErrorKind::kUntrusted, "DigestMismatch") == kExitFixInput);
  CHECK(code(ErrorKind::kUnavailable, "ConnectFailed") == kExitFailed);
  CHECK(code(ErrorKind::kIo, "DiskFull") == kExitFailed);
}

TEST_CASE("what main throws is a bug, told in one line after the program's name", "[exit-code]") {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view message, const LogFields&) {
    CHECK(level == LogLevel::kError);
    lines.emplace_back(message);
  });
  const int code = run_main("klubster-x", []() -> int { throw std::logic_error("no such turn"); });
  set_log_sink({});

  CHECK(code == kExitBug);
  CHECK(lines == std::vector<std::string>{"klubster-x: no such turn"});
  CHECK(run_main("klubster-x", [] { return 4; }) == 4);
}
