// What peers said last, over restarts.
#include "peer/kept_records.h"

#include <filesystem>
#include <fstream>

#include "linux/files.h"
#include "tests/unit/peer/small_cluster.h"

using namespace klubster;

namespace {

NodeRecord record_of(const std::string& node, RecordVersion version) {
  NodeRecord record;
  record.cluster_name = "lab";
  record.node = node;
  record.machine = "machine-" + node;
  record.version = version;
  sign_record(record, *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, 'k')));
  return record;
}

std::string file_of(const TemporaryDirectory& dir) {
  return dir.path() + "/records.jsonl";
}

RecordVersion version_at(SmallCluster& cluster, const std::string& node, const std::string& peer) {
  const Peer* known = cluster.node(node).roster().find(peer);
  return known == nullptr || known->record == nullptr ? RecordVersion{} : known->record->version;
}

}  // namespace

TEST_CASE("records are read as they were kept", "[kept]") {
  const TemporaryDirectory dir;
  CHECK(load_kept_records(dir.path()).empty());
  const NodeRecord a = record_of("a", {1, 2}), b = record_of("b", {3, 4});
  REQUIRE(keep_records(dir.path(), {&a, &b}));
  CHECK(load_kept_records(dir.path()) == std::vector<NodeRecord>{a, b});
  REQUIRE(keep_records(dir.path(), {&b}));
  CHECK(load_kept_records(dir.path()) == std::vector<NodeRecord>{b});
}

TEST_CASE("of kept records that are damaged the others are read", "[kept]") {
  const TemporaryDirectory dir;
  const NodeRecord a = record_of("a", {1, 2}), b = record_of("b", {3, 4});
  REQUIRE(keep_records(dir.path(), {&a, &b}));
  const std::string text = *read_file(file_of(dir), 1 << 20);
  const std::size_t half = text.find('\n') + 1;
  const auto [damaged, left] = GENERATE_COPY(table<std::string, std::size_t>(
      {{text.substr(0, text.size() - 1), 1},  // cut off at the end of a line
       {text.substr(0, text.size() - 40), 1},
       {"garbage\n" + text, 2},
       {text.substr(0, half) + std::string(100, '\0') + "\n" + text.substr(half), 2},
       {"", 0},
       {std::string(5'000'000, '\n'), 0}}));
  REQUIRE(write_file(file_of(dir), damaged, 0600));
  CHECK(load_kept_records(dir.path()).size() == left);
}

TEST_CASE("no more is kept than is read again", "[kept]") {
  const TemporaryDirectory dir;
  NodeRecord large = record_of("a", {1, 2});
  for (int i = 0; i < 50; ++i)
    large.labels["l" + std::to_string(i)] = std::string(1000, 'x');
  const std::vector<const NodeRecord*> many(200, &large);
  REQUIRE(keep_records(dir.path(), many));
  const std::size_t read = load_kept_records(dir.path()).size();
  CHECK(read > 50);
  CHECK(read < 100);
}

TEST_CASE("a node that starts again takes nothing older than it knew, and waits for no less",
          "[kept][node]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  cluster.start("n1").publish(body_with("server", true, 1));
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.knows("n2", "n1"); });
  const NodeRecord older = *cluster.node("n2").roster().find("n1")->record;
  cluster.node("n1").publish(body_with("server", true, 2));
  cluster.wait_until([&] {
    const NodeRecord* known = cluster.node("n2").roster().find("n1")->record.get();
    return known->version > older.version && known->body.generation == 2;
  });
  const RecordVersion newest = version_at(cluster, "n2", "n1");
  cluster.stop("n1");
  cluster.stop("n2");

  cluster.start("n2");
  CHECK(version_at(cluster, "n2", "n1") == newest);
  CHECK_FALSE(cluster.knows("n2", "n1"));  // it has not said so since
  CHECK(cluster.node("n2").take_hearsay("n3", older).value() == Taken::kKnown);
  CHECK(version_at(cluster, "n2", "n1") == newest);
}

TEST_CASE("kept records are believed no more than others", "[kept][node]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1").publish(body_with("server", true, 1));
  cluster.start("n2");
  cluster.wait_until([&] { return cluster.knows("n2", "n1"); });
  NodeRecord kept = *cluster.node("n2").roster().find("n1")->record;
  cluster.stop("n1");
  cluster.stop("n2");
  const TemporaryDirectory& dir = *cluster.dirs["n2"];
  REQUIRE(load_kept_records(dir.path()) == std::vector<NodeRecord>{kept});
  const Ed25519Key other = *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, 'o'));
  SECTION("changed on the disk") {
    kept.version.seq += 100;
  }
  SECTION("by another key than the pinned one") {
    sign_record(kept, other);
  }
  SECTION("of nobody in members/") {
    kept.node = "n9";
    sign_record(kept, other);
  }
  SECTION("of another cluster") {
    kept.cluster_name = "other";
    kept.node = "n1";
  }
  REQUIRE(keep_records(dir.path(), {&kept}));
  cluster.start("n2");
  CHECK(version_at(cluster, "n2", kept.node) == RecordVersion{});
}
