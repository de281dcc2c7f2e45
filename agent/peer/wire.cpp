// Bodies of requests and answers.
#include "peer/wire.h"

#include "base/json.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxNames = 2048;
// Room for the brackets around the records.
constexpr std::size_t kSpareBytes = 256;

Json version_json(RecordVersion version) {
  Json json = Json::object();
  json["incarnation"] = version.incarnation;
  json["seq"] = version.seq;
  return json;
}

RecordVersion read_version(JsonReader& reader) {
  return {reader.number("incarnation", kMaxIncarnation), reader.number("seq")};
}

std::optional<KnownVersion> known_version(const Json& json) {
  const Json::Array* row = json.as_array();
  if (row == nullptr || row->size() != 3) return std::nullopt;
  const std::string* node = (*row)[0].as_string();
  const std::int64_t* incarnation = (*row)[1].as_integer();
  const std::int64_t* seq = (*row)[2].as_integer();
  if (node == nullptr || incarnation == nullptr || seq == nullptr) return std::nullopt;
  if (!is_node_name(*node) || *incarnation < 0 || *seq < 0) return std::nullopt;
  return KnownVersion{*node,
                      {static_cast<std::uint64_t>(*incarnation), static_cast<std::uint64_t>(*seq)}};
}

std::vector<KnownVersion> read_have(JsonReader& reader, const Json& have) {
  std::vector<KnownVersion> known;
  const Json::Array* rows = have.as_array();
  if (rows == nullptr || rows->size() > kMaxNames) {
    reader.refuse("have", "expected a list of [name, incarnation, seq]");
    return known;
  }
  for (const Json& row : *rows) {
    if (auto version = known_version(row)) {
      known.push_back(*std::move(version));
    } else {
      reader.refuse("have", "expected [name, incarnation, seq]");
    }
  }
  return known;
}

std::optional<NodeRecord> read_record(JsonReader& reader, const Json& json) {
  Result<NodeRecord> record = record_from_json(json);
  if (record) return *std::move(record);
  reader.refuse("records", record.error().message());
  return std::nullopt;
}

}  // namespace

std::string to_text(const SyncMessage& message) {
  Json json = Json::object();
  json["v"] = 1;
  json["self"] = to_json(message.self);
  json["want"] = Json(message.want);
  if (message.have) {
    json["have"] = Json::array();
    for (const KnownVersion& known : *message.have) {
      Json row = Json::array();
      row.push_back(known.node);
      row.push_back(known.version.incarnation);
      row.push_back(known.version.seq);
      json["have"].push_back(std::move(row));
    }
  }
  json["records"] = Json::array();
  std::size_t bytes = json.dump().size() + kSpareBytes;
  for (const NodeRecord& record : message.records) {
    Json item = to_json(record);
    bytes += item.dump().size() + 1;
    if (bytes > kPeerBodyBytes) break;
    json["records"].push_back(std::move(item));
  }
  return json.dump();
}

Result<SyncMessage> parse_sync(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kPeerBodyBytes, .depth = 16});
  if (!json) return std::move(json).error().in("exchange");
  JsonReader reader(*json, "exchange");
  SyncMessage message;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1; is the peer's klubster newer?");
  if (auto self = read_record(reader, reader.raw("self"))) message.self = *std::move(self);
  const Json& have = reader.raw("have");
  if (!have.is_null()) message.have = read_have(reader, have);
  const Json& records = reader.raw("records");
  if (const Json::Array* items = records.as_array()) {
    for (const Json& item : *items) {
      if (auto record = read_record(reader, item)) message.records.push_back(*std::move(record));
    }
  }
  message.want = reader.texts("want");
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return message;
}

Result<NodeRecord> parse_record(std::string_view text) {
  Result<Json> json = parse_json(text, {.bytes = kPeerBodyBytes, .depth = 16});
  if (!json) return std::move(json).error().in("node record");
  return record_from_json(*json);
}

std::string to_text(const Refused& refused) {
  Json json = Json::object();
  json["reason"] = refused.problem.reason;
  json["message"] = refused.problem.message;
  json["known"] = version_json(refused.known);
  return json.dump();
}

Refused parse_refused(int status, std::string_view text) {
  Refused refused;
  refused.problem = {"HttpStatus", "answered with HTTP status " + std::to_string(status)};
  const Result<Json> json = parse_json(text, {.bytes = kPeerBodyBytes, .depth = 8});
  if (!json) return refused;
  JsonReader reader(*json, "refusal");
  const std::string reason = reader.text("reason", 64);
  const std::string message = reader.text("message", 4096);
  reader.object("known", [&](JsonReader& known) { refused.known = read_version(known); });
  if (reader.finish()) {
    refused.problem = {reason, printable(message, 512)};
  } else {
    refused.known = {};
  }
  return refused;
}

std::string known_text(RecordVersion known) {
  Json json = Json::object();
  json["v"] = 1;
  json["known"] = version_json(known);
  return json.dump();
}

Result<RecordVersion> parse_known(std::string_view text) {
  const Result<Json> json = parse_json(text, {.bytes = 4096, .depth = 8});
  if (!json) return Error(json.error()).in("answer to a push");
  JsonReader reader(*json, "answer to a push");
  RecordVersion version;
  if (reader.number("v") != 1) reader.refuse("v", "expected 1");
  reader.object("known", [&](JsonReader& known) { version = read_version(known); });
  if (Status status = reader.finish(); !status) return std::move(status).error();
  return version;
}

}  // namespace klubster
