// klubster history on a log that no daemon writes to.
#include "cli/history_source.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "base/digest.h"
#include "base/utc_time.h"
#include "cli/exit_code.h"
#include "linux/event_loop.h"
#include "linux/files.h"
#include "model/event_line.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

class Node : public TemporaryDirectory {
 public:
  Node() {
    std::string text, hash = log_genesis(2);
    std::uint64_t seq = 0;
    const auto add = [&](Event event) {
      event.seq = ++seq;
      event.boot = "boot";
      event.time_usec = now_wall_usec();
      const std::string line = event_line(event, hash, 2);
      hash = sha256_hex(line);
      text += line + "\n";
    };
    add(booted("first", "no event log was there"));  // 1
    for (std::uint64_t number = 1; number <= 2; ++number) {
      GenerationFacts facts;
      facts.number = number;
      facts.profile_name = "demo";
      facts.profile_version = std::to_string(number);
      add(generation_made(facts));  // 2, 6
      StartedRun run;
      run.subject = "server/etcd";
      run.generation = number;
      add(run_started(run));                                                        // 3, 7
      add(step_done("server/etcd", "print", "run", Json::object()));                // 4, 8
      if (number == 1) add(generation_ready(number));                               // 5
      if (number == 2) add(step_failed("agent/join", "CheckFailed", "no answer"));  // 9
    }
    std::filesystem::create_directory(path() + "/log");
    REQUIRE(write_file(path() + "/log/00000001.jsonl", text, 0600).has_value());
  }
  Ran history(std::vector<std::string> words) const {
    words.insert(words.begin(), "history");
    words.insert(words.end(), {"--state-dir", path()});
    return klubster_command(words);
  }
  std::vector<std::int64_t> numbers(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const Ran ran = history(std::move(words));
    CHECK(ran.code == kExitDone);
    const auto json = parse_json(ran.out, {.bytes = 1 << 20, .depth = 32});
    REQUIRE(json.has_value());
    std::vector<std::int64_t> found;
    for (const auto& event : json->items("events"))
      found.push_back(event.integer_or("seq"));
    return found;
  }
};

using Numbers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("history chooses events by number, generation, step and time", "[history]") {
  const Node node;
  CHECK(node.numbers({}).size() == 9);
  CHECK(node.numbers({"--limit", "2"}) == Numbers{8, 9});
  CHECK(node.numbers({"--since", "3", "--limit", "2"}) == Numbers{3, 4});
  CHECK(node.numbers({"--generation", "1"}) == Numbers{2, 3, 4, 5});
  CHECK(node.numbers({"--generation", "2"}) == Numbers{6, 7, 8, 9});
  CHECK(node.numbers({"--generation", "1", "--since", "4"}) == Numbers{4, 5});
  CHECK(node.numbers({"--generation", "1", "--since", "1", "--limit", "1"}) == Numbers{2});
  CHECK(node.numbers({"--generation", "1", "--limit", "1"}) == Numbers{5});
  CHECK(node.numbers({"--step", "server/etcd"}) == Numbers{3, 4, 7, 8});
  CHECK(node.numbers({"--step", "join"}) == Numbers{9});
  CHECK(node.numbers({"--step", "cd"}).empty());
  CHECK(node.numbers({"--since", "1h"}).size() == 9);
  CHECK(node.numbers({"--since", "2001-01-01"}).size() == 9);
  CHECK(node.numbers({"--since", "2999-01-01T00:00:00Z"}).empty());
}

TEST_CASE("history says what the node knew at a moment", "[history]") {
  const Node node;
  CHECK_THAT(node.history({"--at", "5"}).out, ContainsSubstring("ready       yes"));
  CHECK_THAT(node.history({"--at", "5"}).out, ContainsSubstring("demo 1"));
  CHECK_THAT(node.history({"--at", "7"}).out, ContainsSubstring("running"));
  const Ran last = node.history({"--at", "0s"});
  CHECK_THAT(last.out, ContainsSubstring("generation  2"));
  CHECK_THAT(last.out, ContainsSubstring("ready       no"));
  CHECK_THAT(last.out, ContainsSubstring("CheckFailed: no answer"));
  CHECK_THAT(node.history({"--at", "7", "--json"}).out, ContainsSubstring("\"generation\": 2"));
  const Ran ahead = node.history({"--at", "10"});
  CHECK(ahead.code == kExitFixInput);
  CHECK_THAT(ahead.err, ContainsSubstring("the last event is 9"));
}

TEST_CASE("history verify names the first damage and fails", "[history]") {
  const Node node;
  const Ran sound = node.history({"verify"});
  CHECK(sound.code == kExitDone);
  CHECK_THAT(sound.out, ContainsSubstring("sound: events 1 to 9"));
  const std::string file = node.path() + "/log/00000001.jsonl";
  std::string bytes = *read_file(file, 1 << 20);
  bytes[bytes.find("CheckFailed")] = 'c';
  REQUIRE(write_file(file, bytes, 0600).has_value());
  const Ran damaged = node.history({"verify"});
  CHECK(damaged.code == kExitFailed);
  CHECK_THAT(damaged.out, ContainsSubstring("damaged: 00000001.jsonl, event 9: its sum"));
  const Ran json = node.history({"verify", "--json"});
  CHECK(json.code == kExitFailed);
  CHECK_THAT(json.out, ContainsSubstring("\"event\": 9"));
}

TEST_CASE("history takes the times that it shows", "[history]") {
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  // two hours ahead of UTC in summer, else one
  ::tzset();
  const auto time_of = [](const std::string& text) {
    const auto parsed = parse_seq_or_time(text, 0);
    return parsed && parsed->time_usec ? utc_text_usec(*parsed->time_usec) : "none";
  };

  CHECK(time_of("2026-07-21 10:00:00") == "2026-07-21T08:00:00.000000Z");
  CHECK(time_of("2026-07-21T10:00:00.5") == "2026-07-21T08:00:00.500000Z");
  CHECK(time_of("2026-11-21 10:00:00") == "2026-11-21T09:00:00.000000Z");
  CHECK(time_of("2026-07-21") == "2026-07-20T22:00:00.000000Z");
  CHECK(time_of("2026-07-21T10:00:00Z") == "2026-07-21T10:00:00.000000Z");
  CHECK(time_of("2026-02-30 10:00:00") == "none");
  CHECK(time_of("2026-07-21 10:00:00Z") == "none");

  ::unsetenv("TZ");
  ::tzset();
}

TEST_CASE("history says so when there is no such event", "[history]") {
  const Node node;
  const Ran ran = node.history({"--step", "server/etdc"});
  CHECK(ran.code == kExitDone);
  CHECK(ran.out.empty());
  CHECK(ran.err == "the event log holds no such event\n");
}

TEST_CASE("history refuses what it cannot mean", "[history]") {
  const Node node;
  CHECK(node.history({"verfy"}).code == kExitUsage);
  CHECK(node.history({"verify", "--at", "3"}).code == kExitUsage);
  CHECK(node.history({"--at", "3", "--step", "a/b"}).code == kExitUsage);
  CHECK(node.history({"--since", "yesterday"}).code == kExitFixInput);
  CHECK(node.history({"--generation", "x"}).code == kExitUsage);
  CHECK(klubster_command({"history", "--state-dir", "/nowhere"}).code != kExitDone);
}
