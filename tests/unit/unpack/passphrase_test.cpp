// The passphrase that a verb is given on its standard input.
#include "unpack/passphrase.h"

#include <fcntl.h>
#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// What read_passphrase() makes of `bytes` in a pipe whose other end is closed.
Result<std::string> read_from(const std::string& bytes) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd input(ends[0]);
  {
    const UniqueFd output(ends[1]);
    REQUIRE(write_all(output.get(), bytes));
  }
  return read_passphrase(input.get());
}

}  // namespace

TEST_CASE("a passphrase is the first line as it is", "[passphrase]") {
  CHECK(*read_from("open sesame\nnext\n") == "open sesame");
  CHECK(*read_from(" spaces \xc3\xbc ") == " spaces \xc3\xbc ");
  CHECK(*read_from(std::string(1024, 'x') + "\n") == std::string(1024, 'x'));
}

TEST_CASE("no passphrase, and one without end, are refused with what to do", "[passphrase]") {
  for (const auto& bytes : {std::string(), std::string("\n"), std::string(1025, 'x')}) {
    const auto refused = read_from(bytes);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason() == "BadKey");
    CHECK(refused.error().hint().find("standard input") != std::string::npos);
  }
}
