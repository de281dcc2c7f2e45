// What a node hears of the others' cluster, over real TLS.
#include "base/names.h"
#include "tests/unit/peer/stranger.h"

using namespace klubster;

namespace {

RecordBody body_of(const std::string& id, RecordForming forming = {}) {
  RecordBody body = body_with("server", true);
  body.boot = "first";
  forming.id = id;
  body.forming = forming;
  return body;
}

// The row about `about` in what the daemon of this node gets.
Json row(const PeerNode& node, const std::string& about) {
  const Json needs = needs_of(node);
  for (const auto& item : needs.items("forming")) {
    if (item.text_or("name") == about) return item;
  }
  return {};
}

}  // namespace

TEST_CASE("the daemon hears what the others' daemons say of the forming", "[node][forming]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& n1 = cluster.start("n1");
  PeerNode& n2 = cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  CHECK_FALSE(row(n2, "n1").bool_or("answered"));  // klubster-peerd alone knows of nothing

  RecordForming asks;
  asks.seeks = "number";
  asks.servers = "list";
  n1.publish(body_of("", asks));
  cluster.wait_until([&] { return row(n2, "n1").bool_or("answered"); });
  CHECK(row(n2, "n1").get("said").text_or("seeks") == "number");
  CHECK(row(n2, "n1").text_or("machine") == "machine-n1");
  CHECK(row(n2, "n1").text_or("clusterId").empty());
  CHECK(row(n2, "n1").bool_or("serverReady"));

  n1.publish(body_of("c1"));
  cluster.wait_until([&] { return row(n2, "n1").text_or("clusterId") == "c1"; });
  CHECK(row(n2, "n1").bool_or("ownWord"));
}

TEST_CASE("a peer that fails again and again cannot be reached", "[node][forming]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& n1 = cluster.start("n1");
  CHECK_FALSE(row(n1, "n2").bool_or("unreachable"));
  cluster.wait_until([&] { return row(n1, "n2").bool_or("unreachable"); });
  cluster.start("n2");
  cluster.wait_until([&] { return !row(n1, "n2").bool_or("unreachable"); });
}

TEST_CASE("nobody waits for a word of a node that said goodbye", "[node][forming]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  PeerNode& n2 = cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  RecordBody goodbye;
  goodbye.conditions = {{"Left", "", ConditionStatus::kTrue, "Left", "", "2026-11-21T01:49:00Z"}};
  n2.publish(goodbye);
  cluster.wait_until([&] { return cluster.node("n1").roster().find("n2")->has_left(); });
  cluster.stop("n2");
  cluster.stop("n1");

  PeerNode& n1 = cluster.start("n1");

  REQUIRE(n1.roster().find("n2")->has_left());
  CHECK_FALSE(row(n1, "n2").bool_or("answered"));
  CHECK(row(n1, "n2").bool_or("unreachable"));
}

TEST_CASE("another machine with a pinned name learns that there is a cluster", "[node][forming]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& n1 = cluster.start("n1");
  n1.publish(body_of("c1"));
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.all_know_each_other(); });
  cluster.stop("n2");
  PeerConfig config = cluster.config_of("n2");
  config.machine = "another-machine";
  PeerNode& other = cluster.start(config, "another disk");
  cluster.wait_until([&] { return row(other, "n1").text_or("clusterId") == "c1"; });
  cluster.wait_until([&] { return shows_refused(n1, "PeerConflict"); });
}

TEST_CASE("a node of another cluster id is refused, and hears no id", "[node][forming]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& n1 = cluster.start("n1");
  n1.publish(body_of("c1"));
  PeerNode& n2 = cluster.start("n2");
  n2.publish(body_of("c2"));
  cluster.wait_until([&] { return shows_refused(n1, "ClusterDiffers"); });
  cluster.wait_until([&] { return problem_with(n2, "n1") == "ClusterDiffers"; });

  const Stranger other("n3", 't');
  NodeRecord record = other.record();
  record.cluster_id = "c2";
  sign_record(record, other.key);
  const auto answer =
      call(cluster, other.request(cluster, "POST", kRecordsPath, to_json(record).dump()));
  CHECK(answer.response.status == 409);
  CHECK(answer.response.body.find("\"c1\"") == std::string::npos);
}

TEST_CASE("whatever strangers say, the daemon can read what members say", "[node][forming]") {
  constexpr std::size_t kCalls = 16, kStrangers = 1024;
  SmallCluster cluster({"n1"});
  PeerNode& n1 = cluster.start("n1");
  const auto odd = [](std::size_t letters) { return std::string(letters, '\x01'); };
  for (std::size_t i = 0; i < kCalls; ++i) {
    const Stranger stranger(std::string(60, 'x') + std::to_string(i), 't');
    NodeRecord record = stranger.record();
    record.machine = record.cluster_id = odd(128);
    record.body.forming = RecordForming{odd(128), odd(128), odd(128), {odd(64), odd(128), odd(128)},
                                        odd(64),  odd(64)};
    sign_record(record, stranger.key);
    const auto answer =
        call(cluster, stranger.request(cluster, "POST", kRecordsPath, to_json(record).dump()));
    REQUIRE(answer.response.status == 200);
  }
  const std::size_t bytes = n1.newest_needs_text().size();
  CHECK(bytes > kCalls * 4000);
  CHECK(bytes / kCalls * kStrangers < names::kPeerNewsBytes);
}
