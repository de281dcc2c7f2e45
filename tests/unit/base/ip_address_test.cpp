// What is an IP address, and what is none.
#include "base/ip_address.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("an address is told from what only begins like one", "[ip_address]") {
  CHECK(is_ip_address("10.9.0.11"));
  CHECK(is_ip_address("fd00::1"));
  CHECK(is_ip_address("::ffff:10.9.0.11"));
  for (const std::string text : {"", "n1", "10.9.0", "10.9.0.11 ", "[fd00::1]", "fe80::1%eth0"})
    CHECK_FALSE(is_ip_address(text));
  CHECK_FALSE(is_ip_address(std::string("10.9.0.11\0n1", 12)));
}
