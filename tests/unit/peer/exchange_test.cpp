// Whom a node calls, where and when, over real TLS.
#include <algorithm>

#include "base/text.h"
#include "tests/unit/peer/small_cluster.h"

using namespace klubster;

namespace {

std::uint64_t failed_calls(const PeerNode& node) {
  const std::string page = node.metrics_text(), name = "\nklubster_peer_failed_calls_total ";
  const std::size_t at = page.find(name) + name.size();
  return parse_number(page.substr(at, page.find('\n', at) - at)).value();
}

// A place of this machine where nobody listens.
HostPort nowhere() {
  return {"127.0.0.1", free_port()};
}

// Takes connections and never says a word.
UniqueFd mute_listener(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 8) == 0);
  return fd;
}

// n1 and n2, of which n1 does not know where n2 is, and is where n2 calls it.
struct FoundCluster : SmallCluster {
  FoundCluster() : SmallCluster({"n1", "n2"}) {
    place = *parse_host_port(members[1].address);
    PeerConfig config = config_of("n1");
    config.members[1].address.clear();
    start(config, "n1");
  }
  HostPort place;  // of n2
};

}  // namespace

TEST_CASE("where a peer answered it is called again", "[exchange]") {
  FoundCluster cluster;
  cluster.start("n2");
  PeerNode& n1 = cluster.node("n1");
  n1.hint("n2", cluster.place);
  n1.hint("n2", nowhere());
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  n1.publish(body_with("server", true, 1));
  const auto arrived = [&](std::uint64_t generation) {
    return [&cluster, generation] {
      return cluster.node("n2").roster().find("n1")->record->body.generation == generation;
    };
  };
  cluster.wait_until(arrived(1));
  cluster.wait_for(300'000);
  const std::uint64_t before = failed_calls(n1);

  for (std::uint64_t generation = 2; generation < 8; ++generation) {
    n1.publish(body_with("server", true, generation));
    cluster.wait_until(arrived(generation));
  }

  CHECK(failed_calls(n1) == before);
}

TEST_CASE("a fact is fetched where its owner answers", "[exchange]") {
  FoundCluster cluster;
  cluster.node("n1").hint("n2", nowhere());
  cluster.node("n1").hint("n2", cluster.place);
  cluster.start("n2").set_facts({{"SERVER_URL", "https://n2", false}});
  Need need;
  need.id = "server/join";
  need.facts = {"SERVER_URL"};
  cluster.node("n1").set_needs({need});

  cluster.wait_until(
      [&] { return needs_of(cluster.node("n1")).items("needs").at(0).bool_or("satisfied"); });
}

TEST_CASE("who answers hears the news before many who are switched off are tried again",
          "[exchange]") {
  std::vector<std::string> names = {"n1", "n2"};
  for (int i = 0; i < 320; ++i)
    names.push_back("m" + std::to_string(i));
  SmallCluster cluster(names);
  const std::uint16_t port = free_port();
  const UniqueFd mute = mute_listener(port);
  for (std::size_t i = 2; i < cluster.members.size(); ++i)
    cluster.members[i].address = "127.0.0.1:" + std::to_string(port);
  cluster.options.times.connect_usec = 300'000;
  cluster.start("n1");
  PeerConfig config = cluster.config_of("n2");
  config.members.resize(2);
  config.members[0].address.clear();  // it hears nothing but what it is told
  cluster.start(config, "n2");
  // All places for calls are taken, and many wait for one.
  while (failed_calls(cluster.node("n1")) < 340)
    cluster.wait_for(200'000);
  REQUIRE(cluster.knows("n2", "n1"));

  std::uint64_t longest = 0;
  for (std::uint64_t generation = 5; generation < 11; ++generation) {
    const std::uint64_t start = now_boottime_usec();
    cluster.node("n1").publish(body_with("server", true, generation));
    cluster.wait_until([&] {
      return cluster.node("n2").roster().find("n1")->said()->body.generation == generation;
    });
    longest = std::max(longest, now_boottime_usec() - start);
  }

  CHECK(longest < 3'000'000);
}

TEST_CASE("a node that could not be called before it left is called when it is back",
          "[exchange]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  // Of n1 it does not know where it is.
  PeerConfig config = cluster.config_of("n3");
  config.members[0].address.clear();
  cluster.start("n1");
  cluster.start("n2");
  cluster.start(config, "n3");
  cluster.wait_until([&] { return cluster.knows("n1", "n3") && cluster.knows("n2", "n3"); });
  cluster.stop("n3");
  cluster.node("n1").publish(body_with("server", true, 2));
  cluster.wait_until([&] { return problem_with(cluster.node("n1"), "n3") == "PeerUnreachable"; });

  // For a while it is only where n1 does not call it, and says goodbye there.
  PeerConfig elsewhere = config;
  elsewhere.listen = "127.0.0.1:" + std::to_string(free_port());
  RecordBody goodbye;
  goodbye.conditions = {{"Left", "", ConditionStatus::kTrue, "Left", "", "2026-11-21T01:49:00Z"}};
  cluster.start(elsewhere, "n3").publish(goodbye);
  cluster.wait_until([&] { return cluster.node("n1").roster().find("n3")->has_left(); });
  cluster.wait_for(400'000);
  cluster.stop("n3");

  cluster.start(config, "n3").publish(body_with("agent", true, 7));

  cluster.wait_until([&] {
    const NodeRecord* said = cluster.node("n1").roster().find("n3")->said();
    return said != nullptr && said->body.generation == 7;
  });
}
