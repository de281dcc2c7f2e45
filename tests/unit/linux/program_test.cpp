// Running other programs, and mounting what nobody trusts.
#include "linux/program.h"

#include "linux/mount.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a program's words and exit code come back", "[program]") {
  const auto ran = run_program({"sh", "-c", "echo one; cat; exit 3"}, 100);
  REQUIRE(ran);
  CHECK(ran->text == "one\n");
  CHECK(ran->code == 3);
  const auto killed = run_program({"sh", "-c", "kill -9 $$"}, 100);
  REQUIRE(killed);
  CHECK(killed->code == 128 + 9);
}

TEST_CASE("a program that is not there, or says too much, is an error", "[program]") {
  const auto absent = run_program({"klubster-no-such-program"}, 100);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().kind() == ErrorKind::kIo);
  const auto loud = run_program({"sh", "-c", "while :; do echo more; done"}, 1000);
  REQUIRE_FALSE(loud);
  CHECK(loud.error().reason() == "TooLarge");
}

TEST_CASE("only file systems of media are mounted", "[mount]") {
  const auto refused = mount_detached("/dev/null", "tmpfs");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorKind::kInvalid);
  const auto failed = mount_detached("/dev/null", "ext4");  // no block device, or no right to
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind() == ErrorKind::kIo);
}
