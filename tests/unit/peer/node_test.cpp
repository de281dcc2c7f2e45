// Nodes that find each other, wait for each other and come back, over real TLS.
#include "peer/node.h"

#include "tests/unit/peer/small_cluster.h"

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
