// Properties on D-Bus: what of a status somebody can wait for.
#include "daemon/api_properties.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Json status_of(const char* text) {
  auto parsed = parse_json(text);
  REQUIRE(parsed.has_value());
  return *parsed;
}

}  // namespace

TEST_CASE("properties have their types also before anything is known", "[api]") {
  const ApiValues nothing = api_values(Json::object());
  const ApiValues something = api_values(status_of(
      R"({"node":"n1","ready":true,"generation":3,"lastGood":2,"leaving":false,"configHash":"ab",
          "boot":{"kind":"normal"},"version":"1","problems":[]})"));
  REQUIRE(nothing.size() == something.size());
  for (const auto& [name, value] : something) {
    INFO(name);
    REQUIRE(nothing.count(name) == 1);
    CHECK(std::string(api_type(nothing.at(name))) == api_type(value));
  }
  CHECK(std::get<std::uint64_t>(something.at("Generation")) == 3);
  CHECK(std::get<bool>(something.at("Ready")));
  CHECK(std::string(api_type(something.at("Problems"))) == "as");
}

TEST_CASE("a problem is told as its reason and message", "[api]") {
  const ApiValues values = api_values(
      status_of(R"({"problems":[{"reason":"ExitCode","message":"a/b: code 7","next":"x"}]})"));
  CHECK(std::get<std::vector<std::string>>(values.at("Problems")) ==
        std::vector<std::string>{"ExitCode: a/b: code 7"});
}

TEST_CASE("only what changed is announced", "[api]") {
  const ApiValues before = api_values(status_of(R"({"ready":false,"generation":1})"));
  CHECK(api_changes(before, before).empty());
  const ApiValues after = api_values(status_of(R"({"ready":true,"generation":1,"steps":[1]})"));
  CHECK(api_changes(before, after) == std::vector<std::string>{"Ready"});
}
