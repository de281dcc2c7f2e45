// Node records: what survives the way through JSON, what a signature covers, who wins a merge.
#include "model/node_record.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Ed25519Key key_of(char seed) {
  return *Ed25519Key::from_seed(std::string(kEd25519KeyBytes, seed));
}

NodeRecord full_record() {
  NodeRecord record;
  record.cluster_name = "lab";
  record.node = "n1";
  record.machine = "m1";
  record.version = {.incarnation = 3, .seq = 14};
  record.time = "2026-11-21T01:49:00Z";
  record.modes = {"server", "stack"};
  record.labels = {{"rack", "r1"}};
  record.body.generation = 7;
  record.body.profile = RecordProfile{"etcd", "1.0", std::string(64, 'a')};
  record.body.conditions = {
      {"Ready", "server", ConditionStatus::kTrue, "", "", "2026-11-21T01:48:00Z"}};
  record.body.step = RecordStep{"stack", "check", 1, 2, 3, "agent Ready at n3"};
  record.body.forming =
      RecordForming{"c1", "list", "asks", {"n2", "asked", "list"}, kTurnWaits, "n3"};
  record.body.versions = {{"klubster", "0.1.0"}};
  record.addresses = {"10.9.0.11"};
  record.facts = {{"SERVER_URL", std::string(64, '0'), false}};
  sign_record(record, key_of('a'));
  return record;
}

}  // namespace

TEST_CASE("a record survives the way through its text", "[record]") {
  const NodeRecord record = full_record();
  const Result<Json> json = parse_json(to_json(record).dump());
  REQUIRE(json);

  const Result<NodeRecord> read = record_from_json(*json);

  REQUIRE(read);
  CHECK(*read == record);
  CHECK(verify_record(*read));
}

TEST_CASE("a record without step and profile survives too", "[record]") {
  NodeRecord record = full_record();
  record.body.step.reset();
  record.body.profile.reset();
  sign_record(record, key_of('a'));

  const Result<NodeRecord> read = record_from_json(to_json(record));

  REQUIRE(read);
  CHECK(*read == record);
  CHECK(verify_record(*read));
}

TEST_CASE("a changed record does not verify", "[record]") {
  NodeRecord record = full_record();
  const int what = GENERATE(range(0, 8));
  switch (what) {
    case 0:
      record.node = "n2";
      break;
    case 1:
      record.version.seq++;
      break;
    case 2:
      record.body.conditions[0].status = ConditionStatus::kFalse;
      break;
    case 3:
      record.facts[0].sha256[0] = 'f';
      break;
    case 4:
      record.public_key = key_of('b').public_key();
      break;
    case 5:
      record.signature[0] = static_cast<char>(record.signature[0] ^ 1);
      break;
    case 6:
      record.cluster_id = "other";
      break;
    default:
      record.body.step.reset();
  }
  CAPTURE(what);

  CHECK_FALSE(verify_record(record));
}

TEST_CASE("a record with a mistake is refused", "[record]") {
  Json json = to_json(full_record());
  const std::string which = GENERATE("v", "node", "incarnation", "unknown", "signature", "fact");
  CAPTURE(which);
  if (which == "v") json["v"] = 2;
  if (which == "node") json["node"] = "../n1";
  if (which == "incarnation") json["incarnation"] = std::uint64_t{1} << 41;
  if (which == "unknown") json["extra"] = true;
  if (which == "signature") json["signature"]["value"] = "AAAA";
  if (which == "fact") {
    Json fact = Json::object();
    fact["name"] = "lower";
    fact["sha256"] = std::string(64, '0');
    json["facts"].push_back(std::move(fact));
  }

  const Result<NodeRecord> read = record_from_json(json);

  REQUIRE_FALSE(read);
  CHECK(read.error().reason() == "BadJson");
}

TEST_CASE("addresses of a record are addresses and nothing else", "[record]") {
  const std::string address = GENERATE("10.9.0.11 deb.debian.org", "10.9.0.11\n10.9.0.66 n2", "n2",
                                       "10.9.0.11:22", "fe80::1%eth0", "");
  NodeRecord record = full_record();
  record.addresses.push_back(address);

  const Result<NodeRecord> read = record_from_json(to_json(record));

  REQUIRE_FALSE(read);
  CHECK(read.error().message().find("/addresses") != std::string::npos);
}

TEST_CASE("the higher incarnation wins, then the higher seq, never the clock", "[record]") {
  struct Row {
    RecordVersion known, arrived;
    MergeVerdict verdict;
  };
  const Row row = GENERATE(
      Row{{1, 9}, {2, 1}, MergeVerdict::kNewer}, Row{{2, 1}, {1, 9}, MergeVerdict::kOlder},
      Row{{2, 1}, {2, 2}, MergeVerdict::kNewer}, Row{{2, 2}, {2, 1}, MergeVerdict::kOlder});
  NodeRecord known = full_record();
  known.version = row.known;
  known.time = "2030-01-01T00:00:00Z";
  NodeRecord arrived = full_record();
  arrived.version = row.arrived;
  arrived.time = "1975-01-01T00:00:00Z";

  CHECK(compare_records(known, arrived) == row.verdict);
}

TEST_CASE("two contents under one version are a conflict", "[record]") {
  const NodeRecord known = full_record();
  NodeRecord arrived = known;
  CHECK(compare_records(known, arrived) == MergeVerdict::kSame);

  arrived.labels["rack"] = "r2";
  sign_record(arrived, key_of('a'));

  CHECK(compare_records(known, arrived) == MergeVerdict::kConflict);
}

TEST_CASE("two machines under one name are a conflict whatever the version", "[record]") {
  const NodeRecord known = full_record();
  NodeRecord arrived = known;
  arrived.machine = "m2";
  arrived.version.seq += GENERATE(0, 1);

  CHECK(compare_records(known, arrived) == MergeVerdict::kOtherMachine);
}

TEST_CASE("a condition's transition time stays while its status stays", "[condition]") {
  std::vector<Condition> conditions;
  CHECK(set_condition(conditions, {"Ready", "server", ConditionStatus::kFalse, "", "a", "t1"}));
  CHECK(set_condition(conditions, {"Ready", "server", ConditionStatus::kFalse, "", "b", "t2"}));
  CHECK(conditions.at(0).last_transition_time == "t1");
  CHECK_FALSE(
      set_condition(conditions, {"Ready", "server", ConditionStatus::kFalse, "", "b", "t3"}));
  CHECK(set_condition(conditions, {"Ready", "server", ConditionStatus::kTrue, "", "b", "t4"}));
  CHECK(conditions.at(0).last_transition_time == "t4");
  CHECK(conditions.size() == 1);
}
