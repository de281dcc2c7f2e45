// What satisfies a need, what it waits for otherwise, and whose facts count.
#include "peer/needs.h"

#include <algorithm>
#include <list>

#include "peer/facts.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// Members as a test wants them; records stay where they are.
struct Fleet {
  std::list<NodeRecord> records;
  std::vector<Candidate> candidates;

  // `ready`: phases that are Ready; `facts`: name and digest letter.
  Fleet& node(const std::string& name, std::vector<std::string> modes,
              std::vector<std::string> ready,
              std::vector<std::pair<std::string, char>> facts = {}) {
    NodeRecord& record = records.emplace_back();
    record.node = name;
    record.modes = modes;
    for (const std::string& mode : modes) {
      const bool is_ready = std::find(ready.begin(), ready.end(), mode) != ready.end();
      record.body.conditions.push_back(
          {"Ready", mode, is_ready ? ConditionStatus::kTrue : ConditionStatus::kFalse, "", "", ""});
    }
    for (const auto& [fact, letter] : facts)
      record.facts.push_back({fact, std::string(64, letter), false});
    candidates.push_back({name, modes, &record});
    return *this;
  }
  Fleet& silent(const std::string& name, std::vector<std::string> modes) {
    candidates.push_back({name, std::move(modes), nullptr});
    return *this;
  }
};

Need need_of(const std::string& count, std::vector<std::string> facts = {}) {
  Json json = Json::object();
  Json item = Json::object();
  item["id"] = "agent/join";
  item["phase"] = "server";
  item["condition"] = "Ready";
  item["count"] = count;
  item["facts"] = Json(facts);
  json["needs"].push_back(std::move(item));
  return needs_from_json(json.dump()).value().at(0);
}

}  // namespace

TEST_CASE("any, all and a number count the members with the mode", "[needs]") {
  struct Row {
    const char* count;
    bool n1, n2, n3;
    bool holds;
    const char* waiting;
  };
  const Row row = GENERATE(
      Row{"any", false, false, false, false, "server Ready at any of n1, n2, n3"},
      Row{"any", false, true, false, true, ""},
      Row{"all", true, true, false, false, "server Ready at n3"},
      Row{"all", false, true, false, false, "server Ready at n1, n3"},
      Row{"all", true, true, true, true, ""},
      Row{"2", false, true, false, false, "server Ready at 2 of n1, n2, n3, so far n2"},
      Row{"2", true, false, true, true, ""},
      Row{"4", true, true, true, false, "server Ready at 4 of n1, n2, n3, so far n1, n2, n3"});
  Fleet fleet;
  const auto ready = [](bool is) {
    return is ? std::vector<std::string>{"server"} : std::vector<std::string>{};
  };
  fleet.node("n0", {"agent"}, {"agent"});
  fleet.node("n1", {"server"}, ready(row.n1));
  fleet.node("n2", {"server", "stack"}, ready(row.n2));
  fleet.node("n3", {"server"}, ready(row.n3));
  CAPTURE(row.count, row.n1, row.n2, row.n3);

  const NeedDecision decision = decide_need(need_of(row.count), fleet.candidates);

  CHECK(decision.holds == row.holds);
  CHECK(decision.waiting_for == row.waiting);
}

TEST_CASE("a member that has not spoken for itself satisfies nothing", "[needs]") {
  Fleet fleet;
  fleet.silent("n1", {"server"});

  const NeedDecision decision = decide_need(need_of("any"), fleet.candidates);

  CHECK_FALSE(decision.holds);
  CHECK(decision.waiting_for == "server Ready at n1");
}

TEST_CASE("what somebody else said, or said before a later start, is not the node's own word",
          "[needs]") {
  const auto version = [](std::uint64_t incarnation, std::uint64_t seq) {
    NodeRecord record;
    record.version = {incarnation, seq};
    return std::make_shared<const NodeRecord>(record);
  };
  Peer peer;
  peer.record = version(2, 5);
  CHECK(peer.said() == nullptr);

  peer.direct = version(2, 3);
  CHECK(peer.said() == peer.direct.get());

  peer.record = version(3, 1);
  CHECK(peer.said() == nullptr);
}

TEST_CASE("a mode that no member has is said to be missing", "[needs]") {
  Fleet fleet;
  fleet.node("n1", {"agent"}, {"agent"});
  const std::string count = GENERATE("any", "all", "1");

  const NeedDecision decision = decide_need(need_of(count), fleet.candidates);

  CHECK_FALSE(decision.holds);
  CHECK(decision.waiting_for == "server Ready at any member, but none has the mode server");
}

TEST_CASE("a member without modes in the tree has those that it says", "[needs]") {
  Fleet fleet;
  fleet.node("n1", {"server"}, {"server"});
  fleet.candidates[0].modes.clear();

  CHECK(decide_need(need_of("any"), fleet.candidates).holds);
}

TEST_CASE("facts are those of the peer that satisfies the need", "[needs]") {
  Fleet fleet;
  fleet.node("n1", {"server"}, {}, {{"SERVER_URL", '1'}});
  fleet.node("n2", {"server"}, {"server"}, {{"SERVER_URL", '2'}});
  fleet.node("n3", {"server"}, {"server"}, {{"SERVER_URL", '3'}});

  const NeedDecision decision = decide_need(need_of("any", {"SERVER_URL"}), fleet.candidates);

  REQUIRE(decision.holds);
  CHECK(decision.by == std::vector<std::string>{"n2", "n3"});
  REQUIRE(decision.sources.size() == 1);
  CHECK(decision.sources[0].owner == "n2");
}

TEST_CASE("a fact that nobody has yet is waited for", "[needs]") {
  Fleet fleet;
  fleet.node("n1", {"server"}, {"server"}, {{"SERVER_URL", '1'}});

  const NeedDecision decision =
      decide_need(need_of("any", {"SERVER_URL", "TOKEN"}), fleet.candidates);

  CHECK_FALSE(decision.holds);
  CHECK(decision.waiting_for == "facts TOKEN from n1");
}

TEST_CASE("several owners that differ are a conflict unless the need picks one", "[needs]") {
  Fleet fleet;
  fleet.node("n1", {"server"}, {"server"}, {{"URL", '1'}});
  fleet.node("n2", {"server"}, {"server"}, {{"URL", GENERATE('1', '2')}});
  Need need = need_of("any", {"URL"});
  need.phase = "";
  const bool agree = fleet.records.front().facts == fleet.records.back().facts;

  const NeedDecision decision = decide_need(need, fleet.candidates);

  CHECK(decision.holds == agree);
  CHECK(decision.problem.has_value() == !agree);
  if (!agree) CHECK(decision.problem->reason == "FactConflict");
}

TEST_CASE("a fetched fact counts only under the digest that its owner shows now", "[facts]") {
  FetchedFacts fetched;
  const FactSource old_source{"URL", "n1", std::string(64, '1'), false};
  const FactSource new_source{"URL", "n1", std::string(64, '2'), false};
  fetched.put(old_source, {"URL", "http://n1", false});

  CHECK(fetched.find(old_source) != nullptr);
  CHECK(fetched.find(new_source) == nullptr);
  fetched.keep_only({});
  CHECK(fetched.find(old_source) == nullptr);
}

TEST_CASE("the digest of a sensitive fact needs the cluster's token", "[facts]") {
  const SharedFact fact{"PIN", "1234", true};
  const std::string one = describe_fact(fact, fact_digest_key("one")).sha256;
  const std::string two = describe_fact(fact, fact_digest_key("two")).sha256;

  CHECK(one != two);
  CHECK(describe_fact({"PIN", "1234", false}, "any").sha256 != one);
}

TEST_CASE("needs with mistakes are refused", "[needs]") {
  const std::string text =
      GENERATE(R"({"needs":[{"id":"a","phase":"server","count":"some"}]})",
               R"({"needs":[{"id":"a","count":0}]})", R"({"needs":[{"id":"a","facts":["../x"]}]})",
               R"({"needs":[{"phase":"server"}]})", R"({"other":[]})", "[");
  CHECK_FALSE(needs_from_json(text));
}
