// The state's JSON against states that random events lead to: a field that is forgotten shows.
#include "model/node_state_json.h"

#include <random>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

class Chance {
 public:
  explicit Chance(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool coin() { return below(2) == 0; }
  template <typename List>
  auto of(const List& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kSubjects = {"server/a",        "server/b",       "undo/server/a",
                                            "profile/package", "command/backup", "agent/c"};
const std::vector<std::string> kTexts = {"one", "two",    "\x01 \"three\"", "vier \u00e4",
                                         "ok",  "failed", "LostByReboot"};
// Of all members that an event's data may have, by the type of their values.
const std::vector<std::string> kTextMembers = {
    "kind",   "reason",     "message", "hash",  "source",  "sha256", "name",        "version",
    "signer", "configHash", "kept",    "by",    "from",    "to",     "until",       "unit",
    "action", "id",         "machine", "seeks", "servers", "boot",   "fingerprint", "outcome"};
const std::vector<std::string> kNumberMembers = {"seq",      "generation",    "attempt",
                                                 "exitCode", "retryAfterSec", "reboots"};
const std::vector<std::string> kFlagMembers = {"owesUndo", "reboot",  "needsPerson", "allowDestroy",
                                               "hold",     "destroy", "force",       "reset",
                                               "identity", "repair",  "recovery",    "adopted"};
const std::vector<std::string> kObjectMembers = {"parts", "outputs", "facts", "cost", "inputs"};

Json random_data(Chance& chance) {
  Json data = Json::object();
  if (chance.below(8) != 0) data["subject"] = chance.of(kSubjects);
  for (const auto& name : kTextMembers) {
    if (chance.coin()) data[name] = chance.of(kTexts);
  }
  if (chance.below(4) == 0) data["reason"] = "LostByReboot";
  for (const auto& name : kNumberMembers) {
    if (chance.coin()) data[name] = std::uint64_t{chance.below(4)};
  }
  for (const auto& name : kFlagMembers) {
    if (chance.coin()) data[name] = chance.coin();
  }
  for (const auto& name : kObjectMembers) {
    if (chance.coin()) data[name] = Json::Object{{chance.of(kTexts), chance.of(kTexts)}};
  }
  if (chance.coin()) data["profile"] = Json::Object{{"sha256", "d"}, {"name", chance.of(kTexts)}};
  return data;
}

Event random_event(Chance& chance, std::uint64_t seq) {
  static const auto kTypes = event_types();
  Event event;
  event.seq = seq;
  event.boot = chance.of(kTexts);
  event.mono_usec = chance.below(1000);
  event.time_usec = chance.below(1000);
  event.type = chance.of(kTypes);
  // Some mean something only after others.
  static const std::vector<std::string> kOften = {"RunStarted", "RunEnded", "GenerationMade",
                                                  "GenerationReady"};
  if (chance.coin()) event.type = chance.of(kOften);
  event.data = random_data(chance);
  return event;
}

}  // namespace

TEST_CASE("a state that was written as JSON is read back as the same", "[state]") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Chance chance(seed);
    NodeState state;
    const std::size_t count = 1 + chance.below(60);
    for (std::size_t i = 1; i <= count; ++i) {
      state.fold(random_event(chance, i));
      const std::string text = to_json(state).dump();
      const auto json = parse_json(text, {.bytes = 1 << 20, .depth = 32});
      REQUIRE(json.has_value());
      const auto read = node_state_from(*json);
      INFO("seed " << seed << ", event " << i << ": " << text);
      REQUIRE(read.has_value());
      REQUIRE(*read == state);
    }
  }
}

TEST_CASE("random events reach every field of the state", "[state]") {
  std::set<std::string> seen, seen_of_subjects;
  Chance chance(7);
  for (int run = 0; run < 240; ++run) {
    NodeState state;
    for (std::uint64_t i = 1; i <= 200; ++i) {
      state.fold(random_event(chance, i));
      const Json json = to_json(state);
      for (const auto& [key, value] : *json.as_object())
        seen.insert(key);
      if (json.get("subjects").is_null()) continue;
      for (const auto& [name, subject] : *json.get("subjects").as_object()) {
        for (const auto& [key, value] : *subject.as_object())
          seen_of_subjects.insert(key);
      }
    }
  }
  // As many as the structs have fields: who adds one and sees this fail adds what sets it above.
  std::string names;
  for (const auto& name : seen)
    names += " " + name;
  INFO(names);
  CHECK(seen.size() == 41);
  CHECK(seen_of_subjects.size() == 30);
}

TEST_CASE("a state with something that this klubster does not know is not read", "[state]") {
  NodeState state;
  state.fold(booted("normal", ""));
  Json json = to_json(state);
  json["fromTheFuture"] = true;
  CHECK(node_state_from(json).error().message().find("does not know") != std::string::npos);
  json = to_json(state);
  json["boot"] = 7;
  CHECK(node_state_from(json).error().message() == "state/boot: expected a text");
  CHECK_FALSE(node_state_from(Json()).has_value());
}
