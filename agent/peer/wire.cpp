// Bodies of requests and answers.
#include "peer/wire.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxNames = 2048;
constexpr std::size_t kMarkLetters = 8;
constexpr std::size_t kBucketLetters = 8;
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

Json edition_json(const Edition& edition) {
  Json json = Json::array();
  json.push_back(edition.version.incarnation);
  json.push_back(edition.version.seq);
  json.push_back(edition.mark);
  return json;
}

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// Of the three entries from `at` on.
std::optional<Edition> edition_in(const Json::Array& entries, std::size_t at) {
  const std::int64_t* incarnation = entries[at].as_integer();
  const std::int64_t* seq = entries[at + 1].as_integer();
  const std::string* mark = entries[at + 2].as_string();
  if (incarnation == nullptr || seq == nullptr || mark == nullptr) return std::nullopt;
  if (*incarnation < 0 || *seq < 0 || static_cast<std::uint64_t>(*incarnation) > kMaxIncarnation ||
      !(mark->empty() || is_hex(*mark, kMarkLetters))) {
    return std::nullopt;
  }
  return Edition{{static_cast<std::uint64_t>(*incarnation), static_cast<std::uint64_t>(*seq)},
                 *mark};
}

Edition read_edition(JsonReader& reader, std::string_view key) {
  const Json& json = reader.raw(key);
  if (json.is_null()) return {};
  const Json::Array* entries = json.as_array();
  const auto edition =
      entries != nullptr && entries->size() == 3 ? edition_in(*entries, 0) : std::nullopt;
  if (!edition) reader.refuse(key, "expected [incarnation, seq, mark]");
  return edition.value_or(Edition{});
}

std::optional<Row> row_of(const Json& json) {
  const Json::Array* entries = json.as_array();
  if (entries == nullptr || entries->size() != 4) return std::nullopt;
  const std::string* node = (*entries)[0].as_string();
  auto edition = edition_in(*entries, 1);
  if (node == nullptr || !is_node_name(*node) || !edition) return std::nullopt;
  return Row{*node, *std::move(edition)};
}

void read_rows(JsonReader& reader, SyncMessage& message) {
  std::size_t count = 0;
  reader.members("rows", [&](const std::string& name, const Json& value) {
    const auto bucket = parse_number(name, kBuckets - 1);
    const Json::Array* items = value.as_array();
    if (!bucket || items == nullptr) return reader.refuse("rows", "expected lists by bucket");
    std::vector<Row>& rows = message.rows[*bucket];
    for (const Json& item : *items) {
      auto row = row_of(item);
      if (!row || ++count > kMaxNames) {
        return reader.refuse("rows", "expected [name, incarnation, seq, mark]");
      }
      rows.push_back(*std::move(row));
    }
  });
}

std::optional<Buckets> read_buckets(JsonReader& reader) {
  const std::string text = reader.text_or("buckets", "", kBuckets * kBucketLetters);
  if (text.empty()) return std::nullopt;
  if (!is_hex(text, kBuckets * kBucketLetters)) {
    reader.refuse("buckets", "expected hex digits");
    return std::nullopt;
  }
  Buckets buckets;
  for (std::size_t i = 0; i < kBuckets; ++i)
    buckets[i] = text.substr(i * kBucketLetters, kBucketLetters);
  return buckets;
}

Json rows_json(const std::map<std::size_t, std::vector<Row>>& by_bucket) {
  Json json = Json::object();
  for (const auto& [bucket, rows] : by_bucket) {
    Json& list = json[std::to_string(bucket)];
    list = Json::array();
    for (const Row& row : rows) {
      Json item = Json::array();
      item.push_back(row.node);
      item.push_back(row.edition.version.incarnation);
      item.push_back(row.edition.version.seq);
      item.push_back(row.edition.mark);
      list.push_back(std::move(item));
    }
  }
  return json;
}

std::optional<NodeRecord> read_record(JsonReader& reader, const Json& json) {
  Result<NodeRecord> record = record_from_json(json);
  if (record) return *std::move(record);
  reader.refuse("records", record.error().message());
  return std::nullopt;
}

}  // namespace

Edition edition_of(const NodeRecord& record) {
  return {record.version, sha256_hex(record.signature).substr(0, kMarkLetters)};
}

std::size_t bucket_of(std::string_view node) {
  Hasher hasher(HashKind::kSha256);
  hasher.update(node);
  return static_cast<unsigned char>(hasher.finish().front()) % kBuckets;
}

Buckets digests_of(const std::vector<Row>& rows) {
  std::array<std::string, kBuckets> texts;
  for (const Row& row : rows) {
    texts[bucket_of(row.node)] += row.node + " " + std::to_string(row.edition.version.incarnation) +
                                  " " + std::to_string(row.edition.version.seq) + " " +
                                  row.edition.mark + "\n";
  }
  Buckets digests;
  for (std::size_t i = 0; i < kBuckets; ++i)
    digests[i] = sha256_hex(texts[i]).substr(0, kBucketLetters);
  return digests;
}

std::string to_text(const SyncMessage& message) {
  Json json = Json::object();
  json["v"] = 1;
  json["at"] = edition_json(message.at);
  json["yours"] = edition_json(message.yours);
  if (message.self) json["self"] = to_json(*message.self);
  if (message.buckets) {
    std::string text;
    for (const std::string& digest : *message.buckets)
      text += digest;
    json["buckets"] = text;
  }
  if (!message.rows.empty()) json["rows"] = rows_json(message.rows);
  if (!message.want.empty()) json["want"] = Json(message.want);
  json["decided"] = message.decided;
  if (!message.replacements.empty()) {
    json["replacements"] = Json::array();
    for (const Replacement& replacement : message.replacements)
      json["replacements"].push_back(to_json(replacement));
  }
  if (message.records.empty()) return json.dump();
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
  message.at = read_edition(reader, "at");
  message.yours = read_edition(reader, "yours");
  if (const Json& self = reader.raw("self"); !self.is_null()) {
    if (auto record = read_record(reader, self)) message.self = *std::move(record);
  }
  message.buckets = read_buckets(reader);
  read_rows(reader, message);
  if (const Json::Array* items = reader.raw("records").as_array()) {
    for (const Json& item : *items) {
      if (auto record = read_record(reader, item)) message.records.push_back(*std::move(record));
    }
  }
  message.want = reader.texts("want");
  if (message.want.size() > kMaxNames) reader.refuse("want", "has too many entries");
  message.decided = reader.text_or("decided", "", 64);
  reader.objects("replacements",
                 [&](JsonReader& item) { message.replacements.push_back(read_replacement(item)); });
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
  if (!refused.cluster.empty()) json["cluster"] = refused.cluster;
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
  refused.cluster = reader.text_or("cluster", "", 128);
  if (reader.finish()) {
    refused.problem = {reason, printable(message, 512)};
  } else {
    refused.known = {};
    refused.cluster.clear();
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
