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

TEST_CASE("status of a node that leaves or has left says so", "[views]") {
  const Json leaving = parse_json(R"({"node":"n1","ready":false,"leaving":true})").value();
  const Json left = parse_json(R"({"node":"n1","ready":false,"leaving":false,"conditions":[
    {"type":"Left","phase":"","status":"True"}]})")
                        .value();

  CHECK(status_text(leaving, kLook) == "n1  leaving its cluster\n\n");
  CHECK(status_text(left, kLook)
            .starts_with("n1  has left its cluster; klubster apply brings it back\n\n"));
}

TEST_CASE("status says that a change waits for apply", "[views]") {
  Json waits = status();
  waits["waitsForApply"] = true;

  CHECK_THAT(status_text(waits, kLook),
             ContainsSubstring("\nwaiting     what changed, for: klubster apply"));
}

TEST_CASE("status shows steps that the profile no longer has", "[views]") {
  Json later = status();
  later["obsolete"] = parse_json(R"([
    {"phase":"agent","id":"proxy","kind":"service","state":"obsolete","attempt":0,"of":3,"since":"",
     "message":"no longer in the profile","reason":"","unit":"u"}])")
                          .value();

  CHECK_THAT(status_text(later, kLook),
             ContainsSubstring("\nagent  proxy  service  obsolete              no longer in"));
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
    "step":{"phase":"agent","id":"\u001b[2J","waitingFor":"\u0007bell"}},
    "problem":{"reason":"\u001b]0;x\u0007","message":"\u001b[2J"}}],"refused":[]})")
                   .value();

  const std::string text = peers_text(peers, kLook) + peer_text(peers, "n2", kLook);

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
  CHECK_THAT(peer_text(peers, "n2", kLook), ContainsSubstring("join: waiting for server Ready"));
  CHECK_THAT(peer_text(peers, "n1", kLook), ContainsSubstring("\nReady      stack   False"));
  CHECK_THAT(peer_text(peers, "n3", kLook), ContainsSubstring("said nothing"));
  CHECK(peer_text(peers, "n9", kLook).empty());
}

TEST_CASE("a plan says what changes, and for each step what would happen and why", "[views]") {
  const Json plan = parse_json(R"({"generation":3,"changes":true,"needsAllowDestroy":true,
    "profile":{"name":"k","version":"1","sha256":"aaaaaaaaaaaaaaaa"},
    "next":{"generation":4,"profile":{"name":"k","version":"2","sha256":"bbbbbbbbbbbbbbbb"}},
    "changed":[
      {"what":"input","name":"DOMAIN","change":"changed","secret":false,
       "before":{"value":"a","layer":"package","file":"profile.env"},
       "after":{"value":"b","layer":"system","file":"/etc/klubster/inputs/DOMAIN"}},
      {"what":"key","name":"apply/auto","change":"removed","secret":false,"default":"true",
       "before":{"value":"false","layer":"system","file":"/etc/klubster/apply/auto"},"after":null},
      {"what":"key","name":"cluster/token","change":"added","secret":true,
       "before":null,"after":{"layer":"credential","file":""}}],
    "steps":[
      {"phase":"server","id":"etcd","action":"restart","why":"input DOMAIN changed"},
      {"phase":"server","id":"init","action":"keep","why":""},
      {"phase":"server","id":"old","action":"undo","needsAllowDestroy":true,
       "why":"no longer in the profile; needs --allow-destroy"}],"problems":[]})")
                        .value();

  CHECK(plan_text(plan, kLook) ==
        "generation  3 -> 4\n"
        "profile     k 1 (sha256 aaaaaaaaaaaa) -> k 2 (sha256 bbbbbbbbbbbb)\n"
        "\n"
        "CHANGE   WHAT   NAME           BEFORE  AFTER           FROM\n"
        "changed  input  DOMAIN         a       b               "
        "layer system, /etc/klubster/inputs/DOMAIN\n"
        "removed  key    apply/auto     false   true (default)  "
        "layer system, /etc/klubster/apply/auto\n"
        "added    key    cluster/token  none    (secret)        layer credential\n"
        "\n"
        "PHASE   STEP  ACTION   WHY\n"
        "server  etcd  restart  input DOMAIN changed\n"
        "server  init  keep\n"
        "server  old   undo     no longer in the profile; needs --allow-destroy\n"
        "\n"
        "there are changes: klubster apply, with --allow-destroy for what is to be undone\n");
}

TEST_CASE("a plan without changes says so, one that cannot be told does not", "[views]") {
  const Json nothing = parse_json(R"({"generation":3,"changes":false})").value();
  const Json mend = parse_json(R"({"changes":true,"cannot":
      {"reason":"InputMissing","message":"m","next":"n","mend":true},
      "problems":[{"reason":"InputMissing","message":"m"}]})")
                        .value();
  const Json drift = parse_json(R"({"changes":true,"steps":[
      {"phase":"server","id":"a","action":"keep","drifted":true,"why":"drifted"}]})")
                         .value();

  CHECK_THAT(plan_text(nothing, kLook), ContainsSubstring("nothing to do"));
  CHECK(plan_text(mend, kLook) ==
        "generation  0\nprofile     none\n\nproblem: InputMissing\n  m\n  next: n\n");
  CHECK_THAT(plan_text(drift, kLook), ContainsSubstring("nothing to apply, but"));
  const Json recovery = parse_json(R"({"changes":false,"cannot":{"reason":"RecoveryMode",
      "message":"this node is in recovery mode: m","next":"n","mend":true},
      "problems":[{"reason":"RecoveryMode","message":"m"}]})")
                            .value();
  CHECK_THAT(plan_text(recovery, kLook), !ContainsSubstring("\n  m\n"));
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

TEST_CASE("costs are shown with what is unknown and what is at least", "[views]") {
  const Json status = parse_json(R"({
    "steps":[
      {"phase":"server","id":"task","state":"done",
       "resources":{"wallUsec":34159,"cpuUsec":1500000,"memoryPeakBytes":12582912}},
      {"phase":"server","id":"idle","state":"pending","resources":null}],
    "resources":{"workers":[{"id":"unpack","resources":{"wallUsec":150000000,"ioReadBytes":512}}],
      "total":{"wallUsec":150034159,"cpuUsec":1500000,"ioReadBytes":512,"memoryPeakBytes":12582912,
               "atLeast":["cpuUsec"]}}})")
                          .value();
  CHECK(resources_text(status, kLook) ==
        "PHASE    STEP    STATE    WALL     CPU       MEMORY    READ     WRITTEN\n"
        "profile  unpack           2m       unknown   unknown   512 B    unknown\n"
        "server   task    done     34.2 ms  1.5 s     12.0 MiB  unknown  unknown\n"
        "server   idle    pending\n"
        "total                     2m       >= 1.5 s  12.0 MiB  512 B    unknown\n");
}

TEST_CASE("a collection shows what went, what could not, and why the rest stays", "[views]") {
  const std::string one(64, '1'), two(64, '2');
  Json report = parse_json(R"({"dryRun":false,"files":7,"bytes":3145728,"more":0,"removed":[
      {"kind":"profile","name":")" +
                           one + R"(","files":6,"bytes":2048},
      {"kind":"download","name":"00ff.part","files":1,"bytes":70}],
    "left":[{"kind":"staging","name":"x\u001b","message":"it lies on another mount"}],
    "kept":[{"kind":"profile","name":")" +
                           two + R"(","why":["present generation 2","a runs from it"]}]})")
                    .value();
  std::map<std::string, ProfileUse> uses;
  uses[one].name = "demo";
  uses[one].version = "1.0";
  CHECK(garbage_text(report, uses, kLook) ==
        "         WHAT      NAME                     SIZE  WHY\n"
        "removed  profile   demo 1.0 (111111111111)  2.0K\n"
        "removed  download  00ff.part                70\n"
        "left     staging   x\\x1b                          it lies on another mount\n"
        "kept     profile   222222222222                   present generation 2, a runs from it\n"
        "freed 3.0M in 7 files\n");
  report["dryRun"] = true;
  report["more"] = 3;
  CHECK_THAT(garbage_text(report, uses, kLook),
             ContainsSubstring("would go  profile") &&
                 ContainsSubstring("and 3 more\nwould free 3.0M in 7 files\n"));
}
