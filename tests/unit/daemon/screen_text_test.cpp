// How a node is in a few lines, in every state that it can be in.
#include "daemon/screen_text.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

std::string text_of(const std::string& status) {
  return screen_text(parse_json(status).value()).state;
}
// The first line of a status with these members.
std::string headline(const std::string& members) {
  const std::string text = text_of(R"({"node":"n1",)" + members + "}");
  return text.substr(0, text.find('\n'));
}
std::string with_condition(const std::string& type, const std::string& status) {
  return R"("conditions":[{"type":")" + type + R"(","status":")" + status + R"("}])";
}

}  // namespace

TEST_CASE("a screen tells name, problems and what to type", "[screen]") {
  CHECK(text_of(R"({"node":"n1","ready":false,"problems":[
    {"reason":"ConnectFailed","message":"no \\S\nsecond line","next":"check the network"},
    {"reason":"A","message":"1","next":""},{"reason":"B","message":"2","next":""},
    {"reason":"C","message":"3","next":""}]})") ==
        "klubster: n1 is not ready\n"
        "  ConnectFailed: no \\S\n"
        "    check the network\n"
        "  A: 1\n"
        "  B: 2\n"
        "  and 1 more: klubster status\n");
}

TEST_CASE("a screen tells what a node without problems waits for", "[screen]") {
  const std::string waiting = R"("conditions":[
    {"type":"ConfigValid","status":"False","message":"not of interest here"},
    {"type":"ProfileReady","status":"True","message":""},
    {"type":"Ready","phase":"agent","status":"False","reason":"Waiting",
     "message":"agent/join: waiting for n1"}]})";
  CHECK(text_of(R"({"node":"n2","configHash":"h","ready":false,)" + waiting) ==
        "klubster: n2 is not ready: it waits\n  agent/join: waiting for n1\n");
  CHECK(text_of(R"({"node":"n2","configHash":"h","ready":true,)" + waiting) ==
        "klubster: n2 is ready\n");
}

TEST_CASE("each state of a node has its headline", "[screen]") {
  CHECK(headline(R"("ready":true)") == "klubster: n1 is ready");
  CHECK(headline(R"("ready":false)") == "klubster: n1 is not ready");
  CHECK(headline(R"("boot":{"kind":"first"})") == "klubster: n1 is being set up");
  CHECK(headline(R"("leaving":true)") == "klubster: n1 is leaving its cluster");
  CHECK(headline(with_condition("Left", "True")) == "klubster: n1 has left its cluster");
  CHECK(headline(with_condition("ConfigValid", "False")) ==
        "klubster: n1 has no config that it can use");
  CHECK(headline(R"("configHash":"h","problems":[{"reason":"NotConfigured"}])") ==
        "klubster: n1 is not configured yet");
  CHECK(headline(R"("configHash":"h",)" + with_condition("ConfigValid", "False")) ==
        "klubster: n1 is not ready");
  CHECK(headline(with_condition("StateSound", "False")) ==
        "klubster: n1 is degraded and not ready");
  CHECK(headline(R"("ready":true,"boot":{"kind":"degraded","reason":"r"})") ==
        "klubster: n1 is ready, but its state is degraded");
  CHECK(headline(R"("ready":true,"boot":{"kind":"degraded","reason":"r","verdict":"good"})") ==
        "klubster: n1 is ready");
  CHECK(headline(R"("ready":true,)" + with_condition("Recovery", "True")) ==
        "klubster: n1 is in recovery mode");
}

TEST_CASE("a boot that is not as usual is told", "[screen]") {
  CHECK(text_of(R"({"node":"n1","ready":true,"boot":{"kind":"after-crash","reason":"no stop",
                    "verdict":"bad","verdictReason":"server/one: failed"}})") ==
        "klubster: n1 is ready\n"
        "  boot: after-crash (no stop)\n"
        "  this boot is not good: server/one: failed\n");
  CHECK(text_of(R"({"node":"n1","ready":true,"boot":{"kind":"normal","reason":"fine",
                    "verdict":"good"}})") == "klubster: n1 is ready\n");
}

TEST_CASE("a screen tells bytes, rate and time left of a download", "[screen]") {
  const auto status = parse_json(
      R"({"node":"n1","download":{"bytes":1048576,"total":11534336,"bytesPerSecond":524288}})");
  CHECK(screen_text(*status).download ==
        "  downloading the package: 1.0 of 11.0 MiB, 0.5 MiB/s, 20 s left\n");
}
