// Kernel command lines, and the words in them.
#include "model/dotted_layer.h"

#include "tests/unit/catch.h"

using namespace klubster;

using Words = std::vector<std::string>;

TEST_CASE("a kernel command line is cut at spaces outside of quotes", "[dotted-layer]") {
  const auto [line, words] = GENERATE(table<std::string, Words>({
      {"", {}},
      {"  \n", {}},
      {"quiet ro", {"quiet", "ro"}},
      {"a=\"b c\" d", {"a=b c", "d"}},
      {"\"a=b c\"\td\n", {"a=b c", "d"}},
      {"a=\"\" \"\"", {"a=", ""}},
      {"a=\"b c", {"a=b c"}},
  }));
  CAPTURE(line);

  CHECK(kernel_words(line) == words);
}

TEST_CASE("of a parameter that is given twice the last counts, as for the kernel",
          "[dotted-layer]") {
  const auto layer = kernel_layer({"klubster.node.modes=agent", "klubster.node.modes=stack"});

  REQUIRE(layer.files.size() == 1);
  CHECK(layer.files[0].value == "stack");
}

TEST_CASE("a parameter without value is only right for .unset and .lock", "[dotted-layer]") {
  const auto layer = kernel_layer({"klubster.profile.ca.unset", "klubster.node.modes"});

  REQUIRE(layer.files.size() == 1);
  CHECK(layer.files[0].key == "profile/ca.unset");
  REQUIRE(layer.problems.size() == 1);
  CHECK(layer.problems[0].text() ==
        "kernel command line: key node/modes: expected =VALUE after it, found nothing");
}

TEST_CASE("parameters of others and flags are no keys", "[dotted-layer]") {
  const auto layer = kernel_layer({"klubsters.x=1", "root=/dev/sda1", "klubster.media=1",
                                   "systemd.unit=klubster.service", "--", ""});

  CHECK(layer.files.empty());
  CHECK(layer.problems.empty());
}

TEST_CASE("a flag is set by 1, true, yes, on or by standing there", "[dotted-layer]") {
  CHECK(kernel_flag({"klubster.media"}, "klubster.media"));
  CHECK(kernel_flag({"klubster.media=1"}, "klubster.media"));
  CHECK(kernel_flag({"klubster.media=0", "klubster.media=yes"}, "klubster.media"));
  CHECK_FALSE(kernel_flag({"klubster.media=1", "klubster.media=0"}, "klubster.media"));
  CHECK_FALSE(kernel_flag({"klubster.medium=1"}, "klubster.media"));
  CHECK_FALSE(kernel_flag({}, "klubster.media"));
}
