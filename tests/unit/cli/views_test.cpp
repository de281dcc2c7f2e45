// What people see of the daemons' answers.
#include "cli/views.h"

#include "tests/unit/catch.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

const Look kLook{false, 1'800'000'000'000'000};  // 2027-01-15T08:00:00Z

Json status() {
  return parse_json(R"({
    "node":"n2","ready":false,"boot":{"id":"b","kind":"first","reason":"no state was found"},
    "generation":3,"lastGood":2,"profile":{"name":"etcd","version":"1.0.0",
    "sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    "configHash":"fedcba9876543210",
    "conditions":[
      {"type":"Ready","phase":"agent","status":"False","reason":"Waiting",
       "message":"server Ready at any of n1","lastTransitionTime":"2027-01-15T07:55:00Z"},
      {"type":"ConfigValid","phase":"","status":"True","reason":"","message":"",
       "lastTransitionTime":"2027-01-15T07:00:00Z"}],
    "steps":[
      {"phase":"agent","id":"join","kind":"task","state":"retrying","attempt":2,"of":5,
       "since":"2027-01-15T07:59:30Z","message":"exit code 7","reason":"ExitCode","unit":"u"},
      {"phase":"agent","id":"etcd","kind":"service","state":"waiting","attempt":0,"of":5,
       "since":"","message":"server Ready at any of n1","reason":"","unit":""}],
    "problems":[{"reason":"ConfigInvalid","message":"first line\nsecond line",
                 "next":"klubster config check"}]})")
      .value();
}

}  // namespace

TEST_CASE("status shows node, boot, generation, profile, conditions, steps and problems",
          "[views]") {
  CHECK(status_text(status(), kLook) ==
        "n2  not ready\n"
        "\n"
        "boot        first (no state was found)\n"
        "generation  3 (last good 2)\n"
        "profile     etcd 1.0.0  sha256 0123456789ab\n"
        "config      fedcba987654\n"
        "\n"
        "PHASE  CONDITION    STATUS  SINCE  WHY\n"
        "agent  Ready        False   5m     Waiting: server Ready at any of n1\n"
        "-      ConfigValid  True    60m\n"
        "\n"
        "PHASE  STEP  KIND     STATE     TRY  SINCE  WHAT\n"
        "agent  join  task     retrying  2/5  30s    ExitCode: exit code 7\n"
        "agent  etcd  service  waiting               server Ready at any of n1\n"
        "\n"
        "problem: ConfigInvalid\n"
        "  first line\n"
        "  second line\n"
        "  next: klubster config check\n");
}

TEST_CASE("status of a node that has nothing yet is short", "[views]") {
  const Json empty = parse_json(R"({"node":"n1","ready":false})").value();

  CHECK(status_text(empty, kLook) == "n1  not ready\n\n");
}

TEST_CASE("colour is only there when it is asked for", "[views]") {
  Look colourful = kLook;
  colourful.colour = true;

  CHECK(status_text(status(), kLook).find('\033') == std::string::npos);
  CHECK(status_text(status(), colourful).find("\033[33m") != std::string::npos);
}

TEST_CASE("what a peer said cannot drive the terminal", "[views]") {
  Json peers = parse_json(R"({"self":"n1","peers":[{"name":"n2","member":true,"seen":"live",
    "ageSeconds":1,"address":"a","record":{"modes":["agent"],"generation":1,"conditions":[],
    "step":{"phase":"agent","id":"\u001b[2J","waitingFor":"\u0007bell"}}}],"refused":[]})")
                   .value();

  const std::string text = peers_text(peers, kLook);

  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.find('\a') == std::string::npos);
  CHECK_THAT(text, ContainsSubstring("agent/\\x1b[2J: waiting for \\x07bell"));
}

TEST_CASE("peers shows the node itself, live, stale and never seen ones, and who was refused",
          "[views]") {
  const Json peers = parse_json(R"({"self":"n1","peers":[
    {"name":"n1","member":true,"seen":"live","ageSeconds":0,"address":"10.9.0.11:9446",
     "record":{"modes":["server","stack"],"generation":2,"conditions":[
       {"type":"Ready","phase":"server","status":"True"},
       {"type":"Ready","phase":"stack","status":"False"}]}},
    {"name":"n2","member":true,"seen":"stale","ageSeconds":300,"address":"10.9.0.12:9446",
     "record":{"modes":["agent"],"generation":2,"conditions":[],
               "step":{"phase":"agent","id":"join","waitingFor":"server Ready at any of n1"}}},
    {"name":"n3","member":true,"seen":"never","ageSeconds":0,"address":""}],
    "refused":[{"address":"10.9.0.66","reason":"PeerTokenDiffers","message":"other token",
                "count":4,"ageSeconds":12}]})")
                         .value();

  CHECK(peers_text(peers, kLook) ==
        "NODE  MODES         SEEN   AGE  GEN  ADDRESS         PHASES                         STEP\n"
        "n1    server stack  self   0s   2    10.9.0.11:9446  server Ready, stack not ready\n"
        "n2    agent         stale  5m   2    10.9.0.12:9446                                 "
        "agent/join: waiting for server Ready at any of n1\n"
        "n3                  never\n"
        "\n"
        "callers that were refused:\n"
        "ADDRESS    REASON            TIMES  LAST  WHAT\n"
        "10.9.0.66  PeerTokenDiffers  4      12s   other token\n");
  CHECK_THAT(peer_text(peers, "n2", kLook), ContainsSubstring("\"waitingFor\""));
  CHECK(peer_text(peers, "n9", kLook).empty());
}

TEST_CASE("a plan says for each step what would happen and why", "[views]") {
  const Json plan = parse_json(R"({"generation":3,"configHash":"abc","changes":true,"steps":[
    {"phase":"server","id":"etcd","action":"restart","why":"input CLUSTER_DOMAIN changed"},
    {"phase":"server","id":"init","action":"keep","why":""}],"problems":[]})")
                        .value();

  const std::string text = plan_text(plan, kLook);

  CHECK_THAT(text, ContainsSubstring("server  etcd  restart  input CLUSTER_DOMAIN changed") &&
                       ContainsSubstring("there are changes: klubster apply"));
}

TEST_CASE("a plan without changes says so, one with problems does not", "[views]") {
  const Json nothing = parse_json(R"({"generation":3,"changes":false})").value();
  const Json problem =
      parse_json(R"({"changes":false,"problems":[{"reason":"InputMissing","message":"m"}]})")
          .value();

  CHECK_THAT(plan_text(nothing, kLook), ContainsSubstring("nothing to do"));
  CHECK(plan_text(problem, kLook).find("nothing to do") == std::string::npos);
}

TEST_CASE("history is one line per event", "[views]") {
  const Json history = parse_json(R"({"events":[
    {"seq":1,"boot":"b","mono":1,"time":1800000000000000,"type":"Booted",
     "data":{"kind":"first","reason":""}},
    {"seq":2,"boot":"b","mono":2,"time":1800000000000000,"type":"RunEnded",
     "data":{"subject":"server/etcd","exitCode":7}}]})")
                           .value();

  const std::string text = history_text(history, kLook);

  CHECK_THAT(text, ContainsSubstring("Booted    kind=first\n") &&
                       ContainsSubstring("RunEnded  exitCode=7 subject=server/etcd\n"));
}

TEST_CASE("a wait for Ready is about the node, Ready/PHASE about one phase", "[views]") {
  Json json = status();
  CHECK_FALSE(condition_holds(json, "Ready"));
  CHECK_FALSE(condition_holds(json, "Ready/agent"));
  CHECK_FALSE(condition_holds(json, "Ready/server"));
  CHECK(condition_holds(json, "ConfigValid"));
  json["ready"] = true;
  CHECK(condition_holds(json, "Ready"));
}

TEST_CASE("ages are short", "[views]") {
  CHECK(age_text(119) == "119s");
  CHECK(age_text(120) == "2m");
  CHECK(age_text(7200) == "2h");
  CHECK(age_text(172'800) == "2d");
  CHECK(age_of(Json("2027-01-15T07:59:00Z"), kLook) == "60s");
  CHECK(age_of(Json(std::int64_t{1'799'999'999'000'000}), kLook) == "1s");
  CHECK(age_of(Json("yesterday"), kLook).empty());
  CHECK(age_of(Json("2100-01-01T00:00:00Z"), kLook) == "0s");
}
