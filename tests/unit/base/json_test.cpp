// The strict reader: everything that the library lets pass is refused here.
#include "base/json.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("what the library would let pass is refused", "[json]") {
  const std::string text = GENERATE(as<std::string>{}, R"({"a":1,"a":2})", R"({"a":{"b":1,"b":2}})",
                                    "{\"a\":\"\xff\"}", "[1,]", "{} x", "", "nul",
                                    R"({"a":99999999999999999999})", R"([9223372036854775808])");
  const auto json = parse_json(text);
  REQUIRE_FALSE(json.has_value());
  CHECK(json.error().reason() == "BadJson");
}

TEST_CASE("size and depth are limited before anything is built", "[json]") {
  CHECK_FALSE(parse_json(std::string(200'000, '['), {.bytes = 1'000'000}).has_value());
  CHECK_FALSE(parse_json("[[[1]]]", {.depth = 2}).has_value());
  CHECK(parse_json("[[[1]]]", {.depth = 3}).has_value());
  CHECK_FALSE(parse_json("\"0123456789\"", {.bytes = 8}).has_value());
}

TEST_CASE("a text that is no JSON is not shown: it may hold secrets", "[json]") {
  const std::string text = GENERATE(as<std::string>{}, R"({"value":"hunter2)",
                                    "{\"value\":\"hunter2\x01\"}", R"({"value":"x" "hunter2"})");
  const auto json = parse_json(text);
  REQUIRE_FALSE(json.has_value());
  CHECK(json.error().message().find("line 1, column") != std::string::npos);
  CHECK(json.error().message().find("hunter") == std::string::npos);
}

TEST_CASE("the same value gives the same bytes, and they read back", "[json]") {
  const auto one = parse_json(R"({"b":[1,-2,true,null,"x\n"],"a":{"z":0.5}})");
  const auto two = parse_json(R"( { "a" : {"z":0.5}, "b":[1,-2,true,null,"x\n"] } )");
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  CHECK(one->dump() == two->dump());
  CHECK(one->dump() == R"({"a":{"z":0.5},"b":[1,-2,true,null,"x\n"]})");
  CHECK(*parse_json(one->dump()) == *one);
  CHECK(*parse_json(one->pretty()) == *one);
}

TEST_CASE("a reader reports every mistake with its pointer", "[json]") {
  const auto json = parse_json(R"({"n":70000,"s":1,"list":[{"x":1},{"y":2}],"odd":true})");
  JsonReader reader(*json, "request");
  reader.number("n", 65535);
  reader.text("s");
  reader.text("missing");
  reader.objects("list", [](JsonReader& item) { item.number("x"); });
  const auto read = reader.finish();
  REQUIRE_FALSE(read.has_value());
  const std::string message = read.error().message();
  CHECK(message.find("request: ") == 0);
  CHECK(message.find("/n: expected a whole number from 0 to 65535, found 70000") !=
        std::string::npos);
  CHECK(message.find("/s: expected a text, found an integer") != std::string::npos);
  CHECK(message.find("/missing: expected a text, found nothing") != std::string::npos);
  CHECK(message.find("/list/1/x: expected a whole number, found nothing") != std::string::npos);
  CHECK(message.find("/list/1/y: unknown key") != std::string::npos);
  CHECK(message.find("/odd: unknown key") != std::string::npos);
}

TEST_CASE("a negative or broken number counts as absent where only whole ones are expected",
          "[json]") {
  const auto json = parse_json(R"({"good":7,"negative":-1,"fraction":0.5,"text":"7"})");
  REQUIRE(json.has_value());
  CHECK(json->number_or("good", 3) == 7);
  for (const char* key : {"negative", "fraction", "text", "absent"})
    CHECK(json->number_or(key, 3) == 3);
  CHECK(json->number_or("negative") == 0);
}
