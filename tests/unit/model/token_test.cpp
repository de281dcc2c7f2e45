// The cluster token.
#include "model/token.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a new token is read back and no two are the same", "[token]") {
  const std::string token = make_token();

  REQUIRE(token_secret(token));
  CHECK(token_secret(token)->size() == kTokenBytes);
  CHECK(make_token() != token);
}

TEST_CASE("a token reads the same without its dashes", "[token]") {
  const std::string token = make_token();
  std::string bare;
  for (const char c : token) {
    if (c != '-') bare += c;
  }

  CHECK(token_secret(bare).value_or("") == token_secret(token).value_or("?"));
}

TEST_CASE("each changed letter of a token is noticed", "[token]") {
  const std::string token = make_token();
  for (std::size_t i = 4; i < token.size(); ++i) {
    if (token[i] == '-') continue;
    std::string changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    CAPTURE(i);
    CHECK_FALSE(token_secret(changed));
  }
}

TEST_CASE("each way in which a token is wrong has its own words", "[token]") {
  const std::string token = make_token();
  const auto message = [](std::string_view text) {
    const auto secret = token_secret(text);
    REQUIRE_FALSE(secret);
    CHECK(secret.error().reason() == "BadToken");
    return secret.error().message();
  };

  CHECK_THAT(message(""), Catch::Matchers::ContainsSubstring("empty"));
  CHECK_THAT(message("password"), Catch::Matchers::ContainsSubstring("kt1-"));
  CHECK_THAT(message(token.substr(0, token.size() - 1)),
             Catch::Matchers::ContainsSubstring("cut off"));
  CHECK_THAT(message(token + "a"), Catch::Matchers::ContainsSubstring("57 letters"));
  CHECK_THAT(message(token + "!"), Catch::Matchers::ContainsSubstring("letter"));
  CHECK_THAT(message("kt1-" + std::string(56, 'a')),
             Catch::Matchers::ContainsSubstring("checksum"));
}
