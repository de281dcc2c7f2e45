// Small questions about text: numbers, durations, sizes, what may reach a terminal.
#include "base/text.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a number is digits and nothing else", "[text]") {
  CHECK(parse_number("0") == 0U);
  CHECK(parse_number("18446744073709551615") == UINT64_MAX);
  CHECK(parse_number("65535", 65535) == 65535U);

  const std::string bad = GENERATE(as<std::string>(), "", "-1", "+1", " 1", "1 ", "01", "0x1",
                                   "1.0", "18446744073709551616", "1e3");
  INFO(bad);
  CHECK_FALSE(parse_number(bad).has_value());
}

TEST_CASE("a number above its limit is refused, not wrapped", "[text]") {
  CHECK_FALSE(parse_number("70000", 65535).has_value());
}

TEST_CASE("durations and sizes have units and limits", "[text]") {
  CHECK(parse_duration_usec("90s") == 90'000'000U);
  CHECK(parse_duration_usec("1h30m") == 5'400'000'000U);
  CHECK(parse_duration_usec("250ms") == 250'000U);
  CHECK_FALSE(parse_duration_usec("90").has_value());
  CHECK_FALSE(parse_duration_usec("11y").has_value());
  CHECK_FALSE(parse_duration_usec("99999999999d").has_value());
  CHECK_FALSE(parse_duration_usec("s").has_value());

  CHECK(parse_size("64K") == 65'536U);
  CHECK(parse_size("2G") == 2'147'483'648U);
  CHECK_FALSE(parse_size("99999999999999G").has_value());
  CHECK_FALSE(parse_size("1.5G").has_value());
}

TEST_CASE("what is written of a duration is read as the same one", "[text]") {
  const std::uint64_t usec = GENERATE(1'000U, 250'000U, 90'000'000U, 5'400'000'000U);
  CHECK(duration_text(90'000'000) == "1m30s");
  CHECK(parse_duration_usec(duration_text(usec)) == usec);
}

TEST_CASE("nothing that disturbs a terminal is printable", "[text]") {
  const std::string shown = printable("a\x1b[2Jb\r\n\x07");
  for (const char character : shown)
    CHECK(static_cast<unsigned char>(character) >= 0x20);
  CHECK(printable("grün") == "grün");
  CHECK(printable(std::string(1'000, 'x')).size() < 300);
  CHECK(is_utf8(printable(std::string(255, 'x') + "ü")));
}

TEST_CASE("UTF-8 is checked as RFC 3629 has it", "[text]") {
  CHECK(is_utf8("grün 漢字 \xf0\x9f\x98\x80"));
  const std::string bad = GENERATE(as<std::string>(), "\xff", "\xc0\xaf", "\xe0\x80\xaf",
                                   "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4", "\x80");
  CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("the nearest word is offered only when it is near", "[text]") {
  const std::vector<std::string> known = {"profile/url", "profile/path", "cluster/token"};
  CHECK(nearest("profile/ulr", known) == "profile/url");
  CHECK_FALSE(nearest("weather", known).has_value());
}

TEST_CASE("splitting keeps empty parts, words do not", "[text]") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(words("  a\tb\n") == std::vector<std::string>{"a", "b"});
  CHECK(join({"a", "b"}, ", ") == "a, b");
}
