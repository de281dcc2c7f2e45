// Nodes that find each other, wait for each other and come back, over real TLS.
#include "peer/node.h"

#include <filesystem>

#include "peer/certificate.h"
#include "tests/unit/peer/stranger.h"

using namespace klubster;

namespace {

std::vector<Need> server_ready(std::vector<std::string> facts = {}) {
  Need need;
  need.id = "agent/join";
  need.phase = "server";
  need.condition = "Ready";
  need.facts = std::move(facts);
  return {need};
}

bool is_satisfied(const PeerNode& node) {
  const Json needs = needs_of(node);
  return !needs.items("needs").empty() && needs.items("needs")[0].bool_or("satisfied");
}

bool tells_conflict(const PeerNode& node) {
  return parse_json(node.needs_text())->get("conflict").text_or("reason") == "PeerConflict";
}

RecordBody goodbye() {
  RecordBody body;
  body.conditions = {{"Left", "", ConditionStatus::kTrue, "Left", "", "2026-11-21T01:49:00Z"}};
  return body;
}

std::string seen_at(const PeerNode& node, const std::string& peer) {
  const Json peers = peers_of(node);
  for (const Json& row : peers.items("peers")) {
    if (row.text_or("name") == peer) return row.text_or("seen");
  }
  return "";
}

}  // namespace

TEST_CASE("three nodes started one after the other all hear from each other", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  cluster.start("n3");
  cluster.wait_for(120'000);
  CHECK(problem_with(cluster.node("n3"), "n1") == "PeerUnreachable");
  cluster.start("n1");
  cluster.start("n2");

  cluster.wait_until([&] { return cluster.all_know_each_other(); });

  const Json peers = peers_of(cluster.node("n1"));
  CHECK(peers.text_or("self") == "n1");
  CHECK(peers.items("peers").size() == 3);
  CHECK(peers.items("refused").empty());
  cluster.wait_until([&] { return problem_with(cluster.node("n3"), "n1").empty(); });
}

TEST_CASE("a need is satisfied by the peer's own word, with its facts", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& server = cluster.start("n1");
  PeerNode& agent = cluster.start("n2");
  int changes = 0;
  agent.on_needs_changed([&] { ++changes; });
  agent.set_needs(server_ready({"SERVER_URL", "JOIN_TOKEN"}));
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  CHECK_FALSE(is_satisfied(agent));
  CHECK(needs_of(agent).items("needs")[0].text_or("waitingFor") == "server Ready at n1");

  server.set_facts({{"SERVER_URL", "https://n1:2379", false}, {"JOIN_TOKEN", "secret-7", true}});
  server.publish(body_with("server", true));
  cluster.wait_until([&] { return is_satisfied(agent); });

  const Json need = needs_of(agent).items("needs")[0];
  CHECK(need.items("by")[0] == Json("n1"));
  CHECK(need.text_or("waitingFor").empty());
  REQUIRE(need.items("facts").size() == 2);
  CHECK(need.items("facts")[1].text_or("value") == "secret-7");
  CHECK(need.items("facts")[1].text_or("from") == "n1");
  CHECK(changes >= 2);
  CHECK(agent.peers_text().find("secret-7") == std::string::npos);
  CHECK(server.peers_text().find("secret-7") == std::string::npos);
}

TEST_CASE("a fact that changes is fetched again", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& server = cluster.start("n1");
  PeerNode& agent = cluster.start("n2");
  agent.set_needs(server_ready({"SERVER_URL"}));
  server.set_facts({{"SERVER_URL", "one", false}});
  server.publish(body_with("server", true));
  const auto value = [&] {
    const Json needs = needs_of(agent);
    const auto& facts = needs.items("needs")[0].items("facts");
    return facts.empty() ? "" : facts[0].text_or("value");
  };
  cluster.wait_until([&] { return value() == "one"; });

  server.set_facts({{"SERVER_URL", "two", false}});

  cluster.wait_until([&] { return value() == "two"; });
}

TEST_CASE("a node's own phases count too", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  node.set_facts({{"SERVER_URL", "mine", false}});
  node.set_needs(server_ready({"SERVER_URL"}));
  CHECK_FALSE(is_satisfied(node));

  node.publish(body_with("server", true));

  cluster.wait_until([&] { return is_satisfied(node); });
}

TEST_CASE("a peer that starts again satisfies nothing until it says so again", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1").publish(body_with("server", true));
  PeerNode& agent = cluster.start("n2");
  agent.set_needs(server_ready());
  cluster.wait_until([&] { return is_satisfied(agent); });

  cluster.stop("n1");
  cluster.start("n1");
  cluster.wait_until([&] { return !is_satisfied(agent); });
  cluster.node("n1").publish(body_with("server", true));

  cluster.wait_until([&] { return is_satisfied(agent); });
  CHECK(agent.roster().find("n1")->record->version.incarnation == 2);
}

TEST_CASE("a node that lost its state goes beyond what peers remember of it", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  const std::string counter = cluster.dirs["n1"]->path() + "/incarnation";
  for (int i = 0; i < 5; ++i)
    cluster.node("n1").publish(body_with("server", i % 2 == 0, 10));
  PeerNode& other = cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  cluster.stop("n1");
  REQUIRE(write_file(counter, "0\n", 0600));

  cluster.start("n1").publish(body_with("server", true, 11));

  cluster.wait_until([&] {
    const NodeRecord* said = other.roster().find("n1")->said();
    return said != nullptr && said->body.generation == 11;
  });
  CHECK(other.roster().find("n1")->record->version.incarnation == 2);
}

TEST_CASE("a record reaches a node that was away through others, as hearsay", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  cluster.start("n1").publish(body_with("server", true));
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  cluster.stop("n1");

  PeerNode& late = cluster.start("n3");
  late.set_needs(server_ready());
  cluster.wait_until([&] { return late.roster().find("n1")->record != nullptr; });

  CHECK_FALSE(cluster.knows("n3", "n1"));
  CHECK_FALSE(is_satisfied(late));
}

TEST_CASE("nodes with different tokens show it on both sides", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  PeerConfig config = cluster.config_of("n2");
  config.token_secret = std::string(32, 'x');
  cluster.start(config, "n2");

  cluster.wait_until([&] {
    return problem_with(cluster.node("n1"), "n2") == "PeerTokenDiffers" &&
           problem_with(cluster.node("n2"), "n1") == "PeerTokenDiffers" &&
           shows_refused(cluster.node("n1"), "PeerTokenDiffers") &&
           shows_refused(cluster.node("n2"), "PeerTokenDiffers");
  });
  CHECK_FALSE(cluster.knows("n1", "n2"));
}

TEST_CASE("another machine with a peer's name is turned away and seen", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  cluster.stop("n2");
  PeerConfig config = cluster.config_of("n2");
  config.machine = "another-machine";

  cluster.start(config, "elsewhere");

  cluster.wait_until([&] {
    return shows_refused(cluster.node("n1"), "PeerConflict") &&
           problem_with(cluster.node("n1"), "n2") == "PeerConflict";
  });
  // The clone learns it, too, and tells its daemon.
  cluster.wait_until([&] { return tells_conflict(cluster.node("n2")); });
  CHECK_FALSE(tells_conflict(cluster.node("n1")));
}

TEST_CASE("a wiped machine begins with a new key and beyond what its peers remember", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& other = cluster.start("n1");
  const std::uint64_t before = 3;
  for (std::uint64_t start = 1; start <= before; ++start) {
    cluster.start("n2");
    cluster.wait_until([&] {
      const NodeRecord* said = other.roster().find("n2")->said();
      return said != nullptr && said->version.incarnation == start;
    });
    cluster.stop("n2");
  }

  PeerNode& wiped = cluster.start(cluster.config_of("n2"), "wiped");
  wiped.publish(body_with("agent", true, 7));

  cluster.wait_until([&] {
    const NodeRecord* said = other.roster().find("n2")->said();
    return said != nullptr && said->body.generation == 7 && said->version.incarnation > before;
  });
  CHECK(problem_with(other, "n2") == "PeerKeyChanged");
  CHECK_FALSE(tells_conflict(wiped));
}

TEST_CASE("two machines with one identity tell that they are not alone", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& other = cluster.start("n1");
  PeerNode& original = cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  // The whole disk, machine id included, at another address.
  cluster.dirs["clone"] = std::make_unique<TemporaryDirectory>();
  for (const char* file : {"/identity.key", "/incarnation"}) {
    std::filesystem::copy(cluster.dirs["n2"]->path() + file, cluster.dirs["clone"]->path() + file);
  }
  PeerConfig config = cluster.config_of("n2");
  config.listen = "127.0.0.1:" + std::to_string(free_port());
  PeerNodeOptions options = cluster.options;
  options.state_dir = cluster.dirs["clone"]->path();
  auto clone = PeerNode::create(cluster.loop, config, options);
  REQUIRE(clone.has_value());
  std::uint64_t generation = 0;
  const std::function<void()> speak = [&] {
    original.publish(body_with("agent", true, ++generation));
    (*clone)->publish(body_with("agent", true, ++generation));
  };
  cluster.wait_until([&] {
    speak();
    return tells_conflict(original) || tells_conflict(**clone);
  });
  CHECK_FALSE(tells_conflict(other));
}

TEST_CASE("a peer that does not answer holds up nobody", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  // Accepts, and never says a word.
  const UniqueFd mute(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(parse_host_port(cluster.members[2].address)->port);
  REQUIRE(::bind(mute.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(mute.get(), 8) == 0);
  PeerNode& node = cluster.start("n1");
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.knows("n2", "n1"); });

  node.publish(body_with("server", true, 5));

  const std::uint64_t start = now_boottime_usec();
  cluster.wait_until(
      [&] { return cluster.node("n2").roster().find("n1")->record->body.generation == 5; });
  CHECK(now_boottime_usec() - start < 2'000'000);
}

TEST_CASE("nobody waits for a node that said goodbye, or calls it", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  for (const char* name : {"n1", "n2", "n3"})
    cluster.start(name);
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  Need all;
  all.id = "stack/go";
  all.phase = "agent";
  all.condition = "Ready";
  all.count = NeedCount::kAll;
  cluster.node("n1").set_needs({all});
  cluster.node("n2").publish(body_with("agent", true));
  cluster.wait_for(100'000);
  CHECK_FALSE(is_satisfied(cluster.node("n1")));

  bool was_told = false;
  cluster.node("n3").publish(goodbye());
  cluster.node("n3").farewell([&] { was_told = true; });
  cluster.wait_until([&] { return was_told; });
  cluster.stop("n3");

  cluster.wait_until([&] {
    return seen_at(cluster.node("n1"), "n3") == "left" &&
           seen_at(cluster.node("n2"), "n3") == "left" && is_satisfied(cluster.node("n1"));
  });
  cluster.wait_for(500'000);
  CHECK(problem_with(cluster.node("n1"), "n3").empty());
}

TEST_CASE("another machine takes the name of a node that left, beyond it, everywhere", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  for (const char* name : {"n1", "n2"})
    cluster.start(name);
  for (int start = 0; start < 3; ++start) {
    cluster.stop("n3");
    cluster.start("n3");
    cluster.wait_until([&] { return cluster.all_know_each_other(); });
  }
  cluster.node("n3").publish(goodbye());
  cluster.wait_until([&] {
    return seen_at(cluster.node("n1"), "n3") == "left" &&
           seen_at(cluster.node("n2"), "n3") == "left";
  });
  cluster.stop("n3");
  PeerConfig config = cluster.config_of("n3");
  config.machine = "another-machine";

  cluster.start(config, "elsewhere").publish(body_with("agent", true, 9));

  for (const char* name : {"n1", "n2"}) {
    cluster.wait_until([&] {
      const NodeRecord* said = cluster.node(name).roster().find("n3")->said();
      return said != nullptr && said->body.generation == 9 && said->version.incarnation > 3;
    });
    CHECK(problem_with(cluster.node(name), "n3").empty());
  }
  CHECK_FALSE(tells_conflict(cluster.node("n3")));
}

TEST_CASE("peers replace gives a name to the machine that asks for it, on every member", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  for (const char* name : {"n1", "n2", "n3"})
    cluster.start(name);
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  cluster.stop("n3");
  CHECK(cluster.node("n1").replace("n3").error().reason() == "UnknownName");
  PeerConfig config = cluster.config_of("n3");
  config.machine = "another-machine";
  cluster.start(config, "elsewhere").publish(body_with("agent", true, 9));
  cluster.wait_until([&] { return problem_with(cluster.node("n1"), "n3") == "PeerConflict"; });

  const Result<Json> said = cluster.node("n1").replace("n3");

  REQUIRE(said);
  CHECK(said->text_or("machine") == "another-machine");
  for (const char* name : {"n1", "n2"}) {
    cluster.wait_until([&] {
      const NodeRecord* record = cluster.node(name).roster().find("n3")->said();
      return record != nullptr && record->body.generation == 9;
    });
    cluster.wait_until([&] { return problem_with(cluster.node(name), "n3").empty(); });
  }
}

TEST_CASE("a token is turned node by node, and nobody loses sight of anybody", "[node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  const std::vector<std::string> names = {"n1", "n2", "n3"};
  for (const std::string& name : names)
    cluster.start(name);
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  const std::string old_token(32, 't'), new_token(32, 'u');
  std::uint64_t generation = 100;
  const auto turn = [&](const std::string& token, const std::string& next) {
    for (const std::string& name : names) {
      PeerConfig config = cluster.config_of(name);
      config.token_secret = token;
      config.next_token_secret = next;
      const Result<bool> taken_up = cluster.node(name).reconfigure(config);
      REQUIRE(taken_up);
      CHECK(*taken_up);
      // Whatever each has done so far, the next word of each reaches all.
      ++generation;
      for (const std::string& speaker : names)
        cluster.node(speaker).publish(body_with("agent", true, generation));
      cluster.wait_until([&] {
        for (const std::string& a : names) {
          for (const std::string& b : names) {
            if (a == b) continue;
            const NodeRecord* said = cluster.node(a).roster().find(b)->said();
            if (said == nullptr || said->body.generation != generation) return false;
          }
        }
        return true;
      });
    }
  };
  turn(old_token, new_token);
  turn(new_token, old_token);
  turn(new_token, "");

  for (const std::string& name : names) {
    CHECK(cluster.node(name).roster().own()->version.incarnation == 1);
    CHECK(problem_with(cluster.node(name), name == "n1" ? "n2" : "n1").empty());
  }
  // The old one is worth nothing now.
  PeerConfig late = cluster.config_of("n3");
  late.token_secret = old_token;
  REQUIRE(cluster.node("n3").reconfigure(late));
  cluster.wait_until([&] { return shows_refused(cluster.node("n1"), "PeerTokenDiffers"); });
}

TEST_CASE("a node that knows many records brings them to one that knows none", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& full = cluster.start("n1");
  std::vector<NodeRecord> records;
  for (int i = 0; i < 300; ++i) {
    NodeRecord record;
    record.cluster_name = "lab";
    record.node = "m" + std::to_string(i);
    record.machine = record.node;
    record.version = {1, 1};
    record.labels["padding"] = std::string(700, 'x');
    sign_record(record, Ed25519Key::generate());
    REQUIRE(full.take_hearsay("n9", record).value() == Taken::kNews);
  }

  PeerNode& empty = cluster.start("n2");

  cluster.wait_until([&] { return empty.roster().peers().size() == 301; });
  CHECK(empty.roster().find("m299")->record->labels.at("padding").size() == 700);
}

TEST_CASE("certificates of somebody's own authority are taken up while running", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  const Ed25519Key authority = Ed25519Key::generate();
  const auto own = [&](const std::string& name, const Ed25519Key& key) {
    PeerConfig config = cluster.config_of(name);
    config.ca_pem = authority_certificate(authority);
    config.certificate_pem = issue_certificate(authority, key.public_key(), name);
    config.private_key_pem = private_key_pem(key);
    return config;
  };
  const Ed25519Key first = Ed25519Key::generate(), second = Ed25519Key::generate();
  cluster.start(own("n1", first), "n1");
  cluster.start(own("n2", Ed25519Key::generate()), "n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  CHECK(cluster.node("n2").roster().find("n1")->record->public_key == first.public_key());

  REQUIRE(cluster.node("n1").reconfigure(own("n1", second)).value());

  cluster.wait_until([&] {
    const NodeRecord* said = cluster.node("n2").roster().find("n1")->said();
    return said != nullptr && said->public_key == second.public_key();
  });
  CHECK(problem_with(cluster.node("n2"), "n1") == "PeerKeyChanged");
  CHECK(cluster.knows("n1", "n2"));  // what was heard stays
  PeerConfig wrong = own("n1", second);
  wrong.certificate_pem = issue_certificate(authority, first.public_key(), "n1");
  CHECK(cluster.node("n1").reconfigure(wrong).error().reason() == "BadCertificate");
  wrong = own("n1", second);
  wrong.certificate_pem = issue_certificate(authority, second.public_key(), "n2");
  CHECK(cluster.node("n1").reconfigure(wrong).error().reason() == "BadCertificate");
  wrong.private_key_pem = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
  CHECK(cluster.node("n1").reconfigure(wrong).error().reason() == "BadKey");
  wrong = own("n1", second);
  wrong.ca_pem = "no PEM";
  CHECK(cluster.node("n1").reconfigure(wrong).error().reason() == "BadCertificate");
  // The daemon is told what is wrong, as long as it is.
  const auto refusal = [&] {
    return needs_of(cluster.node("n1")).get("refusal").text_or("reason");
  };
  cluster.wait_until([&] { return refusal() == "BadCertificate"; });
  CHECK(cluster.node("n1").reconfigure(own("n1", second)).value());
  cluster.wait_until([&] { return refusal().empty(); });
}

TEST_CASE("authorities of which one is damaged are refused, and the old ones serve on", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  const Ed25519Key authority = Ed25519Key::generate();
  const auto own = [&](const std::string& name) {
    const Ed25519Key key = Ed25519Key::generate();
    PeerConfig config = cluster.config_of(name);
    config.ca_pem = authority_certificate(authority);
    config.certificate_pem = issue_certificate(authority, key.public_key(), name);
    config.private_key_pem = private_key_pem(key);
    return config;
  };
  PeerConfig config = own("n1");
  cluster.start(config, "n1");
  const std::string damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

  config.ca_pem += damaged;
  auto taken = cluster.node("n1").reconfigure(config);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().reason() == "BadCertificate");
  config.ca_pem = authority_certificate(authority);
  config.certificate_pem += damaged;
  taken = cluster.node("n1").reconfigure(config);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().reason() == "BadCertificate");

  PeerConfig late = own("n2");
  late.members[0].address.clear();
  cluster.start(late, "n2");
  late.members[0].address = cluster.members[0].address;
  CHECK(cluster.node("n2").reconfigure(late).value());
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
}

TEST_CASE("a conflict about the own name that is over is no longer told", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.options.conflict_shown_usec = 500'000;
  PeerNode& node = cluster.start("n1");
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  const Stranger other("n1", 't');
  const HttpRequest says_so =
      other.request(cluster, "POST", "/v1/records", to_json(other.record()).dump());
  CHECK(verdict(call(cluster, says_so)) == Verdict(409, "PeerConflict"));
  cluster.wait_until([&] { return tells_conflict(node); });

  cluster.wait_until([&] { return !tells_conflict(node); });
}

TEST_CASE("members without addresses find each other where they were announced", "[node]") {
  SmallCluster cluster({"n1", "n2"});
  const std::vector<Member> known = cluster.members;
  for (Member& member : cluster.members)
    member.address.clear();
  for (const Member& member : known) {
    PeerConfig config = cluster.config_of(member.name);
    config.listen = member.address;
    cluster.start(config, member.name);
  }
  cluster.wait_for(100'000);
  CHECK(problem_with(cluster.node("n1"), "n2") == "PeerUnreachable");

  cluster.node("n1").hint("n2", *parse_host_port(known[1].address));
  cluster.node("n1").hint("n9", *parse_host_port(known[1].address));  // no member: no call

  cluster.wait_until([&] { return cluster.knows("n1", "n2"); });
  CHECK(cluster.node("n1").roster().find("n9") == nullptr);
}

TEST_CASE("who is announced under a member's name without its certificate gets one line",
          "[node]") {
  SmallCluster cluster({"n1", "n2"});
  const std::vector<Member> known = cluster.members;
  cluster.members[1].address.clear();
  PeerNode& node = cluster.start("n1");
  PeerConfig config = cluster.config_of("n2");
  config.token_secret = std::string(32, 'x');
  config.listen = known[1].address;
  PeerNode& rogue = cluster.start(config, "rogue");
  const HostPort place = *parse_host_port(known[1].address);

  node.hint("n2", place);
  cluster.wait_until([&] { return shows_refused(node, "AnnouncementWrong"); });
  node.hint("n2", place);  // and it is not called again
  cluster.wait_for(400'000);

  const Json peers = peers_of(node);
  std::int64_t told = 0;
  for (const Json& refusal : peers.items("refused")) {
    if (refusal.text_or("reason") == "AnnouncementWrong") told += refusal.integer_or("count");
  }
  CHECK(told == 1);
  CHECK(rogue.roster().find("n1")->record == nullptr);
  CHECK(problem_with(node, "n2") == "PeerUnreachable");
}
