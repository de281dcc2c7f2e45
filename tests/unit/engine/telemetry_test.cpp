// What is told of a log: in pairs, with the true result, and the same whoever reads it when.
#include "engine/telemetry.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

TelemetryFacts facts_of_core() {
  TelemetryFacts facts;
  facts.salt = "salt";
  facts.scenario = "onprem-basic";
  facts.core_mode = [](const std::string& subject) -> std::string {
    if (subject == "server/install") return "server";
    return subject == "single-node/install" ? "single-node" : "";
  };
  return facts;
}

std::vector<Event> numbered(std::vector<Event> events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].seq = i + 1;
    events[i].time_usec = 1'000'000 * (i + 1);
  }
  return events;
}

Event started(const std::string& subject, const std::string& unit) {
  return run_started({.subject = subject, .fingerprint = "f", .unit = unit, .attempt = 1});
}
Event ended(const std::string& subject, const std::string& unit, RunOutcome outcome) {
  EndedRun run;
  run.subject = subject;
  run.unit = unit;
  run.outcome = outcome;
  if (outcome != RunOutcome::kOk) run.reason = "ExitCode";
  return run_ended(run);
}
Event done(const std::string& subject) {
  return step_done(subject, "f", "run", Json::object());
}

// "infra.command.started", "core.apply.server.completed failed", …
std::vector<std::string> told(const std::vector<TelemetryNote>& notes) {
  std::vector<std::string> lines;
  for (const auto& note : notes) {
    const std::string result = note.body.get("command").text_or("result");
    lines.push_back(note.body.text_or("event_name") +
                    (note.completes && !result.empty() ? " " + result : ""));
  }
  return lines;
}

std::vector<TelemetryNote> notes_of(const std::vector<Event>& events,
                                    const TelemetryFacts& facts = facts_of_core()) {
  auto ledger = TelemetryLedger::begin({});
  std::vector<TelemetryNote> all;
  for (const auto& event : events) {
    for (auto& note : ledger.take(event, facts))
      all.push_back(std::move(note));
  }
  return all;
}

using Lines = std::vector<std::string>;

// A first apply whose server is tried three times: it fails, a reboot cuts it off, it succeeds.
std::vector<Event> long_story() {
  return numbered(
      {booted("first", ""), generation_made({.number = 1}), started("server/bundle", "b1"),
       ended("server/bundle", "b1", RunOutcome::kOk), done("server/bundle"),
       started("server/install", "u1"), run_seen("server/install", "u1", "i1"),
       ended("server/install", "u1", RunOutcome::kFailed), started("server/install", "u2"),
       booted("reboot", ""), ended("server/install", "u2", RunOutcome::kLost),
       started("server/install", "u3"), ended("server/install", "u3", RunOutcome::kOk),
       done("server/install"), generation_ready(1), leave_requested({.destroy = true}),
       started("undo/server/install", "x"), ended("undo/server/install", "x", RunOutcome::kOk),
       left()});
}

}  // namespace

TEST_CASE("each run that began ends, with the result that the log knows", "[telemetry]") {
  CHECK(told(notes_of(long_story())) ==
        Lines{"infra.command.started", "core.apply.server.started",
              "core.apply.server.completed failed", "core.apply.server.started",
              "core.apply.server.completed failed", "core.apply.server.started",
              "core.apply.server.completed success", "infra.command.completed success",
              "infra.command.started", "infra.command.completed success"});
}

TEST_CASE("who reads on from the ledger on disk tells the same, wherever it was cut",
          "[telemetry]") {
  const auto events = long_story();
  const auto facts = facts_of_core();
  const auto whole = notes_of(events);
  for (std::size_t cut = 0; cut <= events.size(); ++cut) {
    auto ledger = TelemetryLedger::begin({});
    std::vector<TelemetryNote> notes;
    const auto take = [&](const Event& event) {
      for (auto& note : ledger.take(event, facts))
        notes.push_back(std::move(note));
    };
    for (std::size_t i = 0; i < cut; ++i)
      take(events[i]);
    const auto read = TelemetryLedger::from_json(*parse_json(ledger.to_json().dump()));
    REQUIRE(read);
    CHECK(*read == ledger);
    ledger = *read;
    for (std::size_t i = cut; i < events.size(); ++i)
      take(events[i]);
    REQUIRE(notes.size() == whole.size());
    for (std::size_t i = 0; i < notes.size(); ++i)
      CHECK(notes[i].body == whole[i].body);
  }
}

TEST_CASE("whatever the log holds, a run begins once and ends at most once, after that",
          "[telemetry]") {
  const std::vector<Event> pieces = {generation_made({.number = 1}),
                                     generation_made({.number = 2}),
                                     generation_ready(1),
                                     generation_ready(2),
                                     retry_requested({}),
                                     apply_ended(),
                                     started("server/install", "u1"),
                                     started("server/install", "u2"),
                                     ended("server/install", "u1", RunOutcome::kOk),
                                     ended("server/install", "u2", RunOutcome::kLost),
                                     done("server/install"),
                                     step_failed("server/install", "CheckFailed", ""),
                                     recovery_entered({}),
                                     rolled_back({}),
                                     leave_requested({}),
                                     left()};
  std::uint64_t random = 42;
  for (int round = 0; round < 200; ++round) {
    std::vector<Event> events;
    for (int i = 0; i < 40; ++i) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      events.push_back(pieces[(random >> 33) % pieces.size()]);
    }
    std::map<std::string, int> state;  // 1: began, 2: ended
    for (const auto& note : notes_of(numbered(events))) {
      CHECK(state[note.run_id] == (note.completes ? 1 : 0));
      ++state[note.run_id];
    }
    int open = 0;
    for (const auto& [run_id, at] : state)
      open += at == 1 ? 1 : 0;
    CHECK(open <= 2);  // what goes on at the end: a command, and Core
  }
}

TEST_CASE("what only waits has not ended; what failed has failed", "[telemetry]") {
  const auto waits = numbered({generation_made({.number = 1}), retry_requested({}), apply_ended()});
  CHECK(told(notes_of(waits)) == Lines{"infra.command.started"});
  const auto fails = numbered({generation_made({.number = 1}), started("server/other", "u"),
                               ended("server/other", "u", RunOutcome::kFailed), apply_ended(),
                               retry_requested({}), done("server/other"), generation_ready(1)});
  CHECK(told(notes_of(fails)) == Lines{"infra.command.started", "infra.command.completed failed",
                                       "infra.command.started", "infra.command.completed success"});
  const auto again = numbered(
      {generation_made({.number = 1}), generation_ready(1), retry_requested({}), apply_ended()});
  CHECK(told(notes_of(again)) == Lines{"infra.command.started", "infra.command.completed success",
                                       "infra.command.started", "infra.command.completed success"});
}

TEST_CASE("who left and comes back has applied when it is ready again, not before", "[telemetry]") {
  const auto facts = facts_of_core();
  auto ledger = TelemetryLedger::begin({});
  std::vector<TelemetryNote> notes;
  for (const auto& event :
       numbered({generation_made({.number = 1}), generation_ready(1), leave_requested({}), left(),
                 retry_requested({}), apply_ended()})) {
    for (auto& note : ledger.take(event, facts))
      notes.push_back(std::move(note));
  }
  CHECK(told(notes) == Lines{"infra.command.started", "infra.command.completed success",
                             "infra.command.started", "infra.command.completed success",
                             "infra.command.started"});
  CHECK(told(ledger.ready(facts)) == Lines{"infra.command.completed success"});
  CHECK(ledger.ready(facts).empty());
}

TEST_CASE("a run that ended well and whose proof fails has failed", "[telemetry]") {
  const auto events = numbered({started("single-node/install", "u"),
                                ended("single-node/install", "u", RunOutcome::kOk),
                                step_failed("single-node/install", "CheckFailed", "no")});
  CHECK(told(notes_of(events)) ==
        Lines{"core.apply.single_node.started", "core.apply.single_node.completed failed"});
}

TEST_CASE("an event has productive-k3s' schema, its ids are chained, and nothing names the node",
          "[telemetry]") {
  auto facts = facts_of_core();
  facts.core_run = [](const std::string&, const std::string& unit) {
    return Json(
        Json::Object{{"run_id", "of-" + unit}, {"script", "scripts/apply.sh"}, {"exit_code", 0}});
  };
  const auto notes = notes_of(
      numbered({generation_made({.number = 1, .config_hash = "secret-hash", .by = "root@n1"}),
                started("server/install", "u1"), run_seen("server/install", "u1", "i1"),
                ended("server/install", "u1", RunOutcome::kOk), done("server/install")}),
      facts);
  REQUIRE(told(notes) == Lines{"infra.command.started", "core.apply.server.started",
                               "core.apply.server.completed success", "apply.completed"});
  const Json& command = notes[0].body;
  const Json& core = notes[1].body;
  const Json& install = notes[3].body;
  CHECK(command.text_or("run_id").size() == 16);
  CHECK(core.text_or("parent_run_id") == command.text_or("run_id"));
  CHECK(core.text_or("session_id") == command.text_or("session_id"));
  CHECK(notes[2].run_id == notes[1].run_id);
  CHECK(install.text_or("run_id") == notes[1].run_id);
  CHECK(install.text_or("event_family") == "install");
  CHECK(install.get("manifest").text_or("run_id") == "of-u1");
  CHECK(install.get("command").is_null());
  CHECK(command.get("command").dump() ==
        R"({"name":"apply","result":"started","scenario":"onprem-basic"})");
  CHECK(core.get("command").dump() == R"({"mode":"server","name":"apply","result":"started"})");
  CHECK(core.text_or("component") == "core");
  CHECK(command.get("telemetry_meta").dump() ==
        R"({"anonymous_by_contract":true,"delivery_mode":"best-effort"})");
  for (const auto& note : notes) {
    CHECK(note.body.dump().find("n1") == std::string::npos);
    CHECK(note.body.dump().find("secret-hash") == std::string::npos);
  }
}

TEST_CASE("where events are missing, what does not run any more ends as the state says",
          "[telemetry]") {
  const auto facts = facts_of_core();
  auto ledger = TelemetryLedger::begin({});
  const auto events = numbered({generation_made({.number = 1}), started("server/install", "u1")});
  for (const auto& event : events)
    (void)ledger.take(event, facts);
  NodeState state;
  for (const auto& event :
       numbered({generation_made({.number = 1}), started("server/install", "u1"),
                 ended("server/install", "u1", RunOutcome::kOk), done("server/install"),
                 generation_ready(1)}))
    state.fold(event);
  CHECK(told(ledger.catch_up(state, facts)) ==
        Lines{"core.apply.server.completed success", "infra.command.completed success"});
  CHECK(ledger.seq() == state.last_seq);
  CHECK(ledger.context().session_id.empty());
}

TEST_CASE("whose beginning was dropped is not told to have ended", "[telemetry]") {
  const auto facts = facts_of_core();
  auto ledger = TelemetryLedger::begin({});
  const auto events = numbered({generation_made({.number = 1}), generation_ready(1)});
  const auto notes = ledger.take(events[0], facts);
  REQUIRE(notes.size() == 1);
  ledger.forget(notes[0].run_id);
  CHECK(ledger.take(events[1], facts).empty());
}
