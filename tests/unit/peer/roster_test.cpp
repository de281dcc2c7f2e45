// Whom the roster believes.
#include "peer/roster.h"

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

Ed25519Key key_of(char seed) {
  return *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, seed));
}

NodeRecord record_of(const std::string& node, char key, RecordVersion version,
                     const std::string& machine = "") {
  NodeRecord record;
  record.cluster_name = "lab";
  record.node = node;
  record.machine = machine.empty() ? "machine-" + node : machine;
  record.version = version;
  sign_record(record, key_of(key));
  return record;
}

Caller caller_of(const std::string& node, char key) {
  return {"10.9.0.12", node, key_of(key).public_key()};
}

struct RosterFixture {
  TemporaryDirectory dir;
  PeerConfig config;

  RosterFixture() {
    config.node = "n1";
    config.machine = "machine-n1";
    config.cluster_name = "lab";
    config.members = {{"n1", {"server"}, "", ""}, {"n2", {"agent"}, "", ""}};
  }
  Roster roster() {
    return Roster(config, Pins::load(dir.path()).value(), Replacements::load(dir.path()).value());
  }
};

// The goodbye of that node.
NodeRecord goodbye_of(const std::string& node, char key, RecordVersion version) {
  NodeRecord record = record_of(node, key, version);
  record.body.conditions = {{"Left", "", ConditionStatus::kTrue, "Left", "", ""}};
  sign_record(record, key_of(key));
  return record;
}

std::string seen_of(const Roster& roster, std::uint64_t now_usec) {
  return roster.to_json(now_usec).items("peers").at(0).text_or("seen");
}

std::string reason_of(const Result<Taken>& taken) {
  return taken ? "taken" : taken.error().reason();
}

}  // namespace

TEST_CASE("a node's own word is taken, and an older one is answered with what is known",
          "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  const Caller n2 = caller_of("n2", 'b');

  CHECK(roster.accept_direct(n2, record_of("n2", 'b', {2, 1}), 1).value() == Taken::kNews);
  CHECK(roster.accept_direct(n2, record_of("n2", 'b', {2, 1}), 2).value() == Taken::kKnown);
  CHECK(roster.accept_direct(n2, record_of("n2", 'b', {2, 2}), 3).value() == Taken::kNews);
  CHECK(roster.accept_direct(n2, record_of("n2", 'b', {1, 9}), 4).value() == Taken::kStale);
  CHECK(roster.find("n2")->record->version == RecordVersion{2, 2});
}

TEST_CASE("records that are not the caller's own are refused", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  const Caller n2 = caller_of("n2", 'b');
  NodeRecord forged = record_of("n2", 'b', {1, 1});
  forged.body.generation = 99;
  NodeRecord foreign = record_of("n2", 'b', {1, 1});
  foreign.cluster_name = "other";
  sign_record(foreign, key_of('b'));

  CHECK(reason_of(roster.accept_direct(n2, record_of("n3", 'b', {1, 1}), 1)) == "PeerCertificate");
  CHECK(reason_of(roster.accept_direct(n2, record_of("n2", 'c', {1, 1}), 1)) == "PeerCertificate");
  CHECK(reason_of(roster.accept_direct(n2, forged, 1)) == "RecordForged");
  CHECK(reason_of(roster.accept_direct(n2, foreign, 1)) == "ClusterDiffers");
  CHECK(roster.find("n2")->record == nullptr);
}

TEST_CASE("a reinstalled machine may change its key, and that is shown", "[roster]") {
  RosterFixture fixture;
  {
    Roster roster = fixture.roster();
    REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {57, 3}), 1));
  }
  Roster roster = fixture.roster();  // the pin survives a restart

  CHECK_FALSE(roster.check_key(caller_of("n2", 'c')));
  CHECK(roster.accept_direct(caller_of("n2", 'c'), record_of("n2", 'c', {1, 1}), 2).value() ==
        Taken::kNews);
  CHECK(roster.find("n2")->standing.reason == "PeerKeyChanged");
  CHECK(roster.check_key(caller_of("n2", 'c')));
}

TEST_CASE("another machine under a known name is a conflict", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {1, 1}), 1));

  const char key = GENERATE('b', 'c');
  const auto taken =
      roster.accept_direct(caller_of("n2", key), record_of("n2", key, {9, 1}, "elsewhere"), 2);

  CHECK(reason_of(taken) == "PeerConflict");
  CHECK(roster.find("n2")->record->version == RecordVersion{1, 1});
  CHECK(roster.to_json(3).dump().find("PeerConflict") != std::string::npos);
}

TEST_CASE("another machine with this node's own name is a conflict that is seen", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  roster.set_own(record_of("n1", 'a', {1, 1}));

  CHECK(reason_of(roster.accept_direct(
            caller_of("n1", 'x'), record_of("n1", 'x', {1, 1}, "elsewhere"), 1)) == "PeerConflict");
  CHECK(roster.to_json(2).dump().find("calls itself n1 too") != std::string::npos);
}

TEST_CASE("the key of the config tree is the only one accepted", "[roster]") {
  RosterFixture fixture;
  fixture.config.members[1].key = key_of('b').public_key();
  Roster roster = fixture.roster();

  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'c'), record_of("n2", 'c', {1, 1}), 1)) ==
        "PeerKeyDiffers");
  CHECK(roster.accept_relayed("n3", record_of("n2", 'c', {1, 1}), 1).value() == Taken::kUnproven);
  CHECK(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {1, 1}), 1));
}

TEST_CASE("hearsay is shown but is not the node's own word, and gives way to it", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();

  CHECK(roster.accept_relayed("n3", record_of("n2", 'x', {900, 1}), 1).value() == Taken::kNews);
  CHECK(roster.find("n2")->said() == nullptr);
  CHECK(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {1, 1}), 2).value() ==
        Taken::kNews);
  CHECK(roster.find("n2")->said()->version == RecordVersion{1, 1});
  CHECK(roster.accept_relayed("n3", record_of("n2", 'x', {901, 1}), 3).value() == Taken::kUnproven);
}

TEST_CASE("a relayed record that was changed on the way is refused", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  NodeRecord forged = record_of("n2", 'b', {1, 1});
  forged.version.seq = 5;

  CHECK(reason_of(roster.accept_relayed("n3", forged, 1)) == "RecordForged");
}

TEST_CASE("refused callers are counted by address and reason, within bounds", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  for (std::uint64_t i = 0; i < 200; ++i)
    roster.refuse("10.0.0." + std::to_string(i), {"PeerTokenDiffers", "m"}, i);
  CHECK_FALSE(roster.refuse("10.0.0.199", {"PeerTokenDiffers", "m"}, 300));

  const Json json = roster.to_json(400);

  CHECK(json.items("refused").size() == 64);
  CHECK(json.items("refused").back().integer_or("count") == 2);
}

TEST_CASE("a peer is never, live or stale", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  const auto seen = [&](std::uint64_t now_usec) {
    return roster.to_json(now_usec).items("peers").at(0).text_or("seen");
  };
  CHECK(seen(1) == "never");
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {1, 1}), 1'000'000));
  CHECK(seen(2'000'000) == "live");
  CHECK(seen(2'000'000'000) == "stale");
  CHECK(roster.contact_failed("n2", {"PeerUnreachable", "m"}, 3'000'000));
  CHECK(seen(4'000'000) == "stale");
  roster.heard(caller_of("n2", 'b'), 5'000'000);
  CHECK(seen(6'000'000) == "live");
}

TEST_CASE("a goodbye frees the name for another machine, also after a restart", "[roster]") {
  RosterFixture fixture;
  {
    Roster roster = fixture.roster();
    REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 1}), 1));
    REQUIRE(roster.accept_relayed("n3", goodbye_of("n2", 'b', {5, 2}), 2).value() == Taken::kNews);
    CHECK(seen_of(roster, 3) == "left");
    REQUIRE(roster.contact_failed("n2", {"PeerUnreachable", "m"}, 3));
    CHECK(seen_of(roster, 4) == "left");
  }
  Roster roster = fixture.roster();

  const auto taken =
      roster.accept_direct(caller_of("n2", 'c'), record_of("n2", 'c', {1, 1}, "elsewhere"), 5);

  CHECK(reason_of(taken) == "taken");
  CHECK(roster.find("n2")->standing.reason.empty());
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {6, 1}), 6)) ==
        "PeerConflict");
}

TEST_CASE("what was said before a goodbye does not come back", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 1}), 1));
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), goodbye_of("n2", 'b', {5, 2}), 2));

  CHECK(roster.accept_relayed("n3", record_of("n2", 'b', {5, 1}), 3).value() == Taken::kKnown);
  CHECK(roster.accept_relayed("n3", record_of("n2", 'c', {5, 9}, "elsewhere"), 3).value() ==
        Taken::kKnown);
  CHECK(roster.find("n2")->has_left());
  // Who takes the name goes beyond who had it; and so does the node itself when it comes back.
  CHECK(roster.accept_relayed("n3", record_of("n2", 'c', {6, 1}, "elsewhere"), 4).value() ==
        Taken::kNews);
  CHECK_FALSE(roster.find("n2")->has_left());
}

TEST_CASE("who took a free name is believed though another peer told of it first", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), goodbye_of("n2", 'b', {5, 2}), 1));
  REQUIRE(roster.accept_relayed("n3", record_of("n2", 'c', {6, 1}, "elsewhere"), 2).value() ==
          Taken::kNews);

  REQUIRE(reason_of(roster.accept_direct(caller_of("n2", 'c'),
                                         record_of("n2", 'c', {6, 2}, "elsewhere"), 3)) == "taken");

  CHECK(roster.find("n2")->said()->version == RecordVersion{6, 2});
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {7, 1}), 4)) ==
        "PeerConflict");
}

TEST_CASE("a node that left may come back as itself", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), goodbye_of("n2", 'b', {5, 2}), 2));

  CHECK(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {6, 1}), 3).value() ==
        Taken::kNews);
  CHECK(reason_of(roster.accept_direct(
            caller_of("n2", 'c'), record_of("n2", 'c', {7, 1}, "elsewhere"), 4)) == "PeerConflict");
}

TEST_CASE("a goodbye does not free a name whose key the config tree says", "[roster]") {
  RosterFixture fixture;
  fixture.config.members[1].key = key_of('b').public_key();
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), goodbye_of("n2", 'b', {5, 2}), 2));

  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'c'),
                                       record_of("n2", 'c', {7, 1}, "elsewhere"), 4)) ==
        "PeerKeyDiffers");
}

TEST_CASE("an operator's word gives a name to the machine that asked for it", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  roster.set_own(record_of("n1", 'a', {1, 1}));
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 1}), 1));
  CHECK_FALSE(roster.propose_replacement("n2"));
  REQUIRE_FALSE(
      roster.accept_direct(caller_of("n2", 'c'), record_of("n2", 'c', {1, 1}, "elsewhere"), 2));
  auto word = roster.propose_replacement("n2");
  REQUIRE(word);
  sign_replacement(*word, key_of('a'));

  CHECK(roster.accept_replacement(*word, 3).value() == Taken::kNews);
  CHECK(roster.accept_replacement(*word, 3).value() == Taken::kKnown);

  CHECK(roster.find("n2")->standing.reason.empty());
  CHECK(roster.find("n2")->last_version() == RecordVersion{5, 1});  // to be gone beyond
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'c'),
                                       record_of("n2", 'c', {1, 1}, "elsewhere"), 4)) == "taken");
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 2}), 5)) ==
        "PeerConflict");
  // It is kept, and another member takes it over from a third.
  CHECK(Replacements::load(fixture.dir.path())->find("n2") != nullptr);
}

TEST_CASE("a word about a name counts only by the known key of a member, and once", "[roster]") {
  RosterFixture fixture;
  fixture.config.members.push_back({"n3", {"agent"}, "", ""});
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 1}), 1));
  Replacement word;
  word.cluster_name = "lab";
  word.node = "n2";
  word.machine = "elsewhere";
  word.key = key_of('c').public_key();
  word.incarnation = 5;
  word.by = "n3";
  sign_replacement(word, key_of('d'));
  Replacement forged = word;
  forged.machine = "mine";

  CHECK(roster.accept_replacement(word, 2).value() == Taken::kUnproven);  // n3 was never met
  REQUIRE(roster.accept_direct(caller_of("n3", 'd'), record_of("n3", 'd', {1, 1}), 2));
  CHECK(reason_of(roster.accept_replacement(forged, 3)) == "RecordForged");
  Replacement stranger = word;
  sign_replacement(stranger, key_of('x'));
  CHECK(reason_of(roster.accept_replacement(stranger, 3)) == "PeerKeyDiffers");
  CHECK(roster.accept_replacement(word, 3).value() == Taken::kNews);
  Replacement older = word;
  older.incarnation = 4;
  older.machine = "machine-n2";
  older.key = key_of('b').public_key();
  sign_replacement(older, key_of('d'));
  CHECK(roster.accept_replacement(older, 4).value() == Taken::kKnown);
}

TEST_CASE("a word about a name that cannot be kept changes nothing", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  roster.set_own(record_of("n1", 'a', {1, 1}));
  const auto say = [&](int number) {
    Replacement word;
    word.cluster_name = "lab";
    word.node = "x" + std::to_string(number);
    word.machine = "elsewhere";
    word.key = key_of('c').public_key();
    word.by = "n1";
    sign_replacement(word, key_of('a'));
    return roster.accept_replacement(word, 1);
  };
  int kept = 0;
  while (kept < 1000 && reason_of(say(kept)) == "taken")
    ++kept;
  CHECK(kept < 1000);
  // Else it would be news again and again, and each time told to everybody.
  CHECK(reason_of(say(kept)) == "TooLarge");
  CHECK(roster.find("x" + std::to_string(kept)) == nullptr);
  CHECK(Pins::load(fixture.dir.path())->find("x" + std::to_string(kept)) == nullptr);
}

TEST_CASE("a word about a name that peers could not read is not said", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  roster.set_own(record_of("n1", 'a', {1, 1}));
  Replacement last;
  last.cluster_name = "lab";
  last.node = "n2";
  last.machine = "machine-n2";
  last.key = key_of('b').public_key();
  last.incarnation = kMaxIncarnation;
  last.by = "n1";
  sign_replacement(last, key_of('a'));
  REQUIRE(roster.accept_replacement(last, 1));
  REQUIRE_FALSE(
      roster.accept_direct(caller_of("n2", 'c'), record_of("n2", 'c', {1, 1}, "elsewhere"), 2));

  const auto word = roster.propose_replacement("n2");

  REQUIRE_FALSE(word);
  CHECK(word.error().reason() == "PeerConflict");
}

TEST_CASE("a stranger has room for a usual record, a member for its own", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  const auto long_record = [](const std::string& node) {
    NodeRecord record = record_of(node, 'b', {1, 1});
    for (int i = 0; i < 20; ++i)
      record.labels["label" + std::to_string(i)] = std::string(1000, 'x');
    sign_record(record, key_of('b'));
    return record;
  };
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'b'), long_record("n2"), 1)) == "taken");
  CHECK(reason_of(roster.accept_direct(caller_of("x1", 'b'), long_record("x1"), 1)) == "TooLarge");
  CHECK(roster.accept_relayed("n2", long_record("x1"), 1).value() == Taken::kUnproven);
  CHECK(roster.find("x1") == nullptr);
  CHECK(reason_of(roster.accept_direct(caller_of("x1", 'b'), record_of("x1", 'b', {1, 1}), 1)) ==
        "taken");
}

TEST_CASE("however many strangers came, the keys of members are remembered", "[roster]") {
  RosterFixture fixture;
  Json kept = Json::object();
  kept["v"] = 1;
  for (int i = 0; i < 4096; ++i) {
    kept["pins"].push_back(Json::Object{{"name", "x" + std::to_string(i)},
                                        {"key", to_base64(key_of('x').public_key())},
                                        {"machine", std::string(128, '\x01')}});
  }
  REQUIRE(write_file(fixture.dir.path() + "/pins.json", kept.dump(), 0600));
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("stranger", 'd'), record_of("stranger", 'd', {1, 1}), 1));
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {1, 1}), 1));

  const auto pins = Pins::load(fixture.dir.path());

  REQUIRE(pins);
  CHECK(pins->find("n2") != nullptr);
  CHECK(pins->find("stranger") == nullptr);
}

TEST_CASE("a newer config changes who is a member and forgets nothing that was said", "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), record_of("n2", 'b', {5, 1}), 1));
  PeerConfig next = fixture.config;
  next.members = {{"n1", {"server"}, "", ""}, {"n4", {"agent"}, "", ""}};

  roster.reconfigure(next);

  CHECK_FALSE(roster.find("n2")->is_member);
  CHECK(roster.find("n2")->said() != nullptr);
  CHECK(roster.find("n4")->is_member);
  next.members.pop_back();
  roster.reconfigure(next);
  CHECK(roster.find("n4") == nullptr);
}

TEST_CASE("what a node of another cluster said before is forgotten with the cluster's id known",
          "[roster]") {
  RosterFixture fixture;
  Roster roster = fixture.roster();
  NodeRecord other = record_of("n2", 'b', {1, 1});
  other.cluster_id = "c2";
  sign_record(other, key_of('b'));
  REQUIRE(roster.accept_direct(caller_of("n2", 'b'), other, 1));
  CHECK(roster.find("n2")->said() != nullptr);  // this node knows of no cluster yet
  roster.set_cluster_id("c1");
  CHECK(roster.find("n2")->said() == nullptr);
  CHECK(reason_of(roster.accept_direct(caller_of("n2", 'b'), other, 2)) == "ClusterDiffers");
}
