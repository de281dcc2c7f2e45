// The text of events in the log.
#include "model/event_line.h"

#include "base/digest.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a line is what JSON makes of the event, and its sum at the end", "[event]") {
  Event event = config_rejected("BadValue", "line 1: expected \"yes\",\n\tfound \\ and \xc3\xa4");
  event.seq = 17;
  event.boot = "b\"oot";
  event.mono_usec = 62'447'611'736;
  event.time_usec = 1'795'286'093'000'007;
  const std::string hash = log_genesis(2);
  const std::string line = event_line(event, hash, 2);
  auto json = parse_json(line);
  REQUIRE(json);
  CHECK(json->text_or("time") == "2026-11-21T18:34:53.000007Z");
  CHECK(json->text_or("prev") == hash);
  CHECK(json->get("data").dump() == event.data.dump());
  Json::Object body = *json->as_object();
  body.erase("sum");
  const std::string text = Json(body).dump();
  CHECK(line.substr(0, text.size() - 1) == text.substr(0, text.size() - 1));
  CHECK(json->text_or("sum") == sha256_hex(line.substr(0, text.size() - 1)));

  const auto parsed = parse_event(line);
  REQUIRE(parsed);
  CHECK(parsed->format == 2);
  CHECK(parsed->event.seq == event.seq);
  CHECK(parsed->event.boot == event.boot);
  CHECK(parsed->event.mono_usec == event.mono_usec);
  CHECK(parsed->event.time_usec == event.time_usec);
  CHECK(parsed->event.data.dump() == event.data.dump());
}
