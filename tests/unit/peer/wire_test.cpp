// Bodies that peers exchange.
#include "peer/wire.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

NodeRecord record_of(const std::string& node, std::uint64_t seq) {
  NodeRecord record;
  record.cluster_name = "lab";
  record.node = node;
  record.machine = "m";
  record.version = {1, seq};
  sign_record(record, *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, 'k')));
  return record;
}

std::vector<Row> rows_of(std::size_t count) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < count; ++i)
    rows.push_back({"n" + std::to_string(i), {{1, i}, "0123abcd"}});
  return rows;
}

}  // namespace

TEST_CASE("one row that differs makes one bucket differ", "[wire]") {
  std::vector<Row> rows = rows_of(200);
  const Buckets before = digests_of(rows);
  rows[77].edition.version.seq += 1;
  const Buckets after = digests_of(rows);

  std::size_t differing = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (before[i] == after[i]) continue;
    ++differing;
    CHECK(i == bucket_of("n77"));
  }
  CHECK(differing == 1);
  // Names spread: no bucket has a tenth of them.
  std::array<int, kBuckets> sizes = {};
  for (const Row& row : rows)
    CHECK(++sizes[bucket_of(row.node)] < 20);
}

TEST_CASE("the same version with another content is another edition", "[wire]") {
  NodeRecord record = record_of("n1", 3);
  const Edition before = edition_of(record);
  record.body.generation = 7;
  sign_record(record, *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, 'k')));

  CHECK(edition_of(record).version == before.version);
  CHECK(edition_of(record) != before);
}

TEST_CASE("a message of an exchange says the same when it is read back", "[wire]") {
  SyncMessage message;
  message.self = record_of("n1", 3);
  message.at = edition_of(*message.self);
  message.yours = {{2, 9}, "a0a0a0a0"};
  message.buckets = digests_of(rows_of(9));
  message.rows[7] = {{"n3", {{1, 2}, ""}}, {"n4", {{5, 6}, "00ff00ff"}}};
  message.records = {record_of("n3", 2)};
  message.want = {"n5"};
  message.decided = "0011223344556677";

  const Result<SyncMessage> read = parse_sync(to_text(message));

  REQUIRE(read);
  CHECK(read->self == message.self);
  CHECK(read->at == message.at);
  CHECK(read->yours == message.yours);
  CHECK(read->buckets == message.buckets);
  REQUIRE(read->rows.count(7) == 1);
  CHECK(read->rows.at(7)[1].edition == message.rows[7][1].edition);
  CHECK(read->records == message.records);
  CHECK(read->want == message.want);
  CHECK(read->decided == message.decided);
}

TEST_CASE("a message at rest is short", "[wire]") {
  SyncMessage message;
  message.at = message.yours = {{1000, 1000}, "a0a0a0a0"};
  message.buckets = digests_of(rows_of(200));
  message.decided = "0011223344556677";

  CHECK(to_text(message).size() < 512);
}

TEST_CASE("what is no message of an exchange is refused", "[wire]") {
  const std::string text = GENERATE(
      as<std::string>{}, "", "{", "[]", R"({"v":2})", R"({"v":1,"at":[1,2]})",
      R"({"v":1,"at":[1,-2,""]})", R"({"v":1,"at":[1,2,"zz"]})", R"({"v":1,"buckets":"00"})",
      R"({"v":1,"rows":{"99":[]}})", R"({"v":1,"rows":{"1":[["n1",1,2]]}})",
      R"({"v":1,"rows":{"1":[["../x",1,2,""]]}})", R"({"v":1,"records":[{}]})",
      R"({"v":1,"want":[7]})", R"({"v":1,"replacements":[{}]})", R"({"v":1,"surprise":1})",
      R"({"v":1,"at":[99999999999999,2,""]})");
  CAPTURE(text);

  const Result<SyncMessage> read = parse_sync(text);

  REQUIRE_FALSE(read);
  CHECK(read.error().reason() == "BadJson");
}

TEST_CASE("records that do not fit into a body wait for the next message", "[wire]") {
  SyncMessage message;
  for (std::uint64_t i = 0; i < 300; ++i)
    message.records.push_back(record_of("n" + std::to_string(i), i));

  const std::string text = to_text(message);

  CHECK(text.size() <= kPeerBodyBytes);
  CHECK(parse_sync(text)->records.size() > 20);
}
