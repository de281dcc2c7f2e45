// The strict JSON reader: what it refuses, what it keeps exactly.
#include "base/json.h"

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a document that another reader would bend is refused", "[json]") {
  const std::string text = GENERATE(as<std::string>(),                           //
                                    "", "   ", "{", "[1,2", "{\"a\":1,}",        //
                                    "{\"a\":1,\"a\":2}",                         // a duplicate key
                                    "{\"a\":{\"b\":1,\"b\":1}}",                 // deeper
                                    "99999999999999999999",                      // beyond 64 bits
                                    "[1] [2]", "nan", "'a'", "\"\xff\"",         // not UTF-8
                                    "\"\xed\xa0\x80\"",                          // a surrogate
                                    "\"a\nb\"", "{\"a\":1}x", "// c\n1", "01");  //
  INFO(text);
  const auto read = parse_json(text);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().kind() == ErrorKind::kInvalid);
  CHECK(read.error().reason() == "BadJson");
}

TEST_CASE("size and depth are limited before anything is built", "[json]") {
  JsonLimits limits;
  limits.bytes = 100;
  limits.depth = 4;

  CHECK(parse_json("[[[[1]]]]", limits).has_value());
  CHECK_FALSE(parse_json("[[[[[1]]]]]", limits).has_value());
  CHECK_FALSE(parse_json(std::string(101, ' ') + "1", limits).has_value());
  CHECK_FALSE(parse_json(std::string(50'000, '[')).has_value());
}

TEST_CASE("integers keep all of their 64 bits", "[json]") {
  const auto read = parse_json("[9223372036854775807,-9223372036854775808,0]");
  REQUIRE(read.has_value());
  CHECK(*read->as_array()->at(0).as_integer() == INT64_MAX);
  CHECK(*read->as_array()->at(1).as_integer() == INT64_MIN);
}

TEST_CASE("the same value gives the same bytes, whatever the order of its keys", "[json]") {
  const auto one = parse_json(R"({"b":[1,true,null],"a":"\u00e4\n"})");
  const auto two = parse_json(" { \"a\" : \"\u00e4\\n\", \"b\": [1, true, null] } ");
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  CHECK(one->dump() == two->dump());
  CHECK(one->dump() == "{\"a\":\"ä\\n\",\"b\":[1,true,null]}");
}

TEST_CASE("a text that is not UTF-8 is written so that it can be read back", "[json]") {
  Json value;
  value["output"] = std::string(
      "before\xff"
      "after");
  CHECK(parse_json(value.dump()).has_value());
}

TEST_CASE("a reader reports every mistake at once, with its place", "[json]") {
  const auto document = parse_json(R"({"name":7,"port":70000,"extra":1,"list":[{"id":true}]})");
  REQUIRE(document.has_value());

  JsonReader reader(*document, "request");
  (void)reader.text("name");
  (void)reader.number("port", 65535);
  (void)reader.boolean("missing");
  reader.objects("list", [](JsonReader& item) { (void)item.text("id"); });
  const auto status = reader.finish();

  REQUIRE_FALSE(status.has_value());
  const std::string message = status.error().message();
  INFO(message);
  for (const char* place : {"/name", "/port", "missing", "extra", "/list/0"}) {
    INFO(place);
    CHECK(message.find(place) != std::string::npos);
  }
}
