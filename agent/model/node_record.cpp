// Node records: canonical text, signature, merge.
#include "model/node_record.h"

#include <algorithm>

#include "base/digest.h"
#include "base/ip_address.h"
#include "base/text.h"
#include "model/environment.h"

namespace klubster {

namespace {

constexpr std::string_view kSignedHeader = "klubster node record v1\n";
constexpr std::size_t kMaxItems = 256;

Json texts_json(const std::map<std::string, std::string>& texts) {
  Json json = Json::object();
  for (const auto& [key, value] : texts)
    json[key] = value;
  return json;
}

std::map<std::string, std::string> read_texts(JsonReader& reader, std::string_view key) {
  std::map<std::string, std::string> texts;
  reader.members(key, [&](const std::string& name, const Json& value) {
    const std::string* text = value.as_string();
    if (text == nullptr || text->size() > 1024 || texts.size() >= kMaxItems) {
      return reader.refuse(key, "expected short texts");
    }
    texts[name] = *text;
  });
  return texts;
}

std::vector<std::string> read_list(JsonReader& reader, std::string_view key) {
  std::vector<std::string> list = reader.texts(key);
  if (list.size() > kMaxItems) reader.refuse(key, "has too many entries");
  return list;
}

RecordProfile read_profile(JsonReader& reader) {
  return {.name = reader.text("name", 256),
          .version = reader.text_or("version", "", 256),
          .sha256 = reader.text_or("sha256", "", 64)};
}

RecordStep read_record_step(JsonReader& reader) {
  return {.phase = reader.text("phase", 64),
          .id = reader.text("id", 128),
          .n = reader.number_or("n", 0, 100'000),
          .of = reader.number_or("of", 0, 100'000),
          .attempt = reader.number_or("attempt", 0, 1'000'000'000),
          .waiting_for = reader.text_or("waitingFor", "", 4096)};
}

RecordFact read_fact(JsonReader& reader) {
  RecordFact fact{.name = reader.text("name", 128),
                  .sha256 = reader.text("sha256", 64),
                  .sensitive = reader.boolean_or("sensitive", false)};
  if (!is_variable_name(fact.name))
    reader.refuse("name", "expected a fact's name such as SERVER_URL");
  if (!is_sha256_hex(fact.sha256)) reader.refuse("sha256", "expected 64 hex digits");
  return fact;
}

void read_body(JsonReader& reader, RecordBody& body) {
  body.generation = reader.number_or("generation", 0);
  if (!reader.raw("profile").is_null()) {
    reader.object("profile", [&](JsonReader& member) { body.profile = read_profile(member); });
  }
  reader.objects("conditions", [&](JsonReader& item) {
    if (body.conditions.size() < kMaxItems) body.conditions.push_back(read_condition(item));
  });
  if (!reader.raw("step").is_null()) {
    reader.object("step", [&](JsonReader& member) { body.step = read_record_step(member); });
  }
  body.boot = reader.text_or("boot", "", 32);
  if (!reader.raw("forming").is_null()) {
    reader.object("forming", [&](JsonReader& member) { body.forming = read_forming(member); });
  }
  body.versions = read_texts(reader, "versions");
}

void write_body(Json& json, const RecordBody& body) {
  json["generation"] = body.generation;
  if (body.profile) {
    json["profile"]["name"] = body.profile->name;
    json["profile"]["version"] = body.profile->version;
    json["profile"]["sha256"] = body.profile->sha256;
  }
  json["conditions"] = Json::array();
  for (const Condition& condition : body.conditions)
    json["conditions"].push_back(to_json(condition));
  if (body.step) {
    Json& step = json["step"];
    step["phase"] = body.step->phase;
    step["id"] = body.step->id;
    step["n"] = body.step->n;
    step["of"] = body.step->of;
    step["attempt"] = body.step->attempt;
    step["waitingFor"] = body.step->waiting_for;
  }
  if (!body.boot.empty()) json["boot"] = body.boot;
  if (body.forming) json["forming"] = to_json(*body.forming);
  json["versions"] = texts_json(body.versions);
}

Json unsigned_json(const NodeRecord& record) {
  Json json = Json::object();
  json["v"] = 1;
  json["cluster"]["name"] = record.cluster_name;
  json["cluster"]["id"] = record.cluster_id;
  json["node"] = record.node;
  json["machine"] = record.machine;
  json["incarnation"] = record.version.incarnation;
  json["seq"] = record.version.seq;
  json["time"] = record.time;
  json["modes"] = Json(record.modes);
  json["labels"] = texts_json(record.labels);
  write_body(json, record.body);
  json["addresses"] = Json(record.addresses);
  json["facts"] = Json::array();
  for (const RecordFact& fact : record.facts) {
    Json item = Json::object();
    item["name"] = fact.name;
    item["sha256"] = fact.sha256;
    item["sensitive"] = fact.sensitive;
    json["facts"].push_back(std::move(item));
  }
  return json;
}

}  // namespace

const RecordFact* NodeRecord::find_fact(std::string_view name) const {
  const auto found = std::find_if(facts.begin(), facts.end(),
                                  [&](const RecordFact& fact) { return fact.name == name; });
  return found == facts.end() ? nullptr : &*found;
}

bool is_node_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  if (!is_alphanumeric(name.front()) || !is_alphanumeric(name.back())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

std::string read_base64(JsonReader& reader, std::string_view key, std::size_t bytes) {
  Result<std::string> raw = from_base64(reader.text(key, 256));
  if (raw && raw->size() == bytes) return *std::move(raw);
  reader.refuse(key, "expected base64 of " + std::to_string(bytes) + " bytes");
  return "";
}

Json to_json(const NodeRecord& record) {
  Json json = unsigned_json(record);
  json["signature"]["key"] = to_base64(record.public_key);
  json["signature"]["value"] = to_base64(record.signature);
  return json;
}

Json to_json(const RecordBody& body) {
  Json json = Json::object();
  write_body(json, body);
  return json;
}

Result<RecordBody> record_body_from_json(const Json& json) {
  JsonReader reader(json, "record");
  RecordBody body;
  read_body(reader, body);
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return body;
}

Result<NodeRecord> record_from_json(const Json& json) {
  JsonReader reader(json, "node record");
  NodeRecord record;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1; is the peer's klubster newer?");
  reader.object("cluster", [&](JsonReader& cluster) {
    record.cluster_name = cluster.text("name", 256);
    record.cluster_id = cluster.text_or("id", "", 128);
  });
  record.node = reader.text("node", 64);
  if (!is_node_name(record.node)) reader.refuse("node", "expected a node's name");
  record.machine = reader.text("machine", 128);
  record.version.incarnation = reader.number("incarnation", kMaxIncarnation);
  record.version.seq = reader.number("seq");
  record.time = reader.text_or("time", "", 32);
  record.modes = read_list(reader, "modes");
  record.labels = read_texts(reader, "labels");
  read_body(reader, record.body);
  record.addresses = read_list(reader, "addresses");
  // Programs of root write them into files.
  if (!std::all_of(record.addresses.begin(), record.addresses.end(), is_ip_address)) {
    reader.refuse("addresses", "expected IP addresses");
  }
  reader.objects("facts", [&](JsonReader& item) {
    if (record.facts.size() < kMaxItems) record.facts.push_back(read_fact(item));
  });
  reader.object("signature", [&](JsonReader& signature) {
    record.public_key = read_base64(signature, "key", kEd25519KeyBytes);
    record.signature = read_base64(signature, "value", kEd25519SignatureBytes);
  });
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return record;
}

std::string record_text(const NodeRecord& record) {
  return std::string(kSignedHeader) + unsigned_json(record).dump();
}

void sign_record(NodeRecord& record, const Ed25519Key& key) {
  record.public_key = key.public_key();
  record.signature = key.sign(record_text(record));
}

bool verify_record(const NodeRecord& record) {
  return ed25519_verify(record.public_key, record_text(record), record.signature);
}

MergeVerdict compare_records(const NodeRecord& known, const NodeRecord& arrived) {
  if (arrived.machine != known.machine) return MergeVerdict::kOtherMachine;
  if (arrived.version > known.version) return MergeVerdict::kNewer;
  if (arrived.version < known.version) return MergeVerdict::kOlder;
  // Ed25519 signs deterministically: one writer gives one signature for one content.
  return arrived.signature == known.signature && arrived.public_key == known.public_key
             ? MergeVerdict::kSame
             : MergeVerdict::kConflict;
}

}  // namespace klubster
