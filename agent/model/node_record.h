// What a node says of itself to its peers: signed by its identity key, merged by (incarnation, seq)
// (peers.md, "Record").
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ed25519.h"
#include "base/json.h"
#include "base/result.h"
#include "model/condition.h"
#include "model/record_forming.h"

namespace klubster {

// When a record was said. Never the clock: the incarnation is made durable before a node's first
// report of a boot, seq counts its changes since.
struct RecordVersion {
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const RecordVersion&) const = default;
};

// Higher ones are refused: a peer must not be able to push a counter to where it cannot be raised.
inline constexpr std::uint64_t kMaxIncarnation = std::uint64_t{1} << 40;

struct RecordProfile {
  std::string name, version, sha256;
  bool operator==(const RecordProfile&) const = default;
};

// The step that runs, or waits.
struct RecordStep {
  std::string phase, id;
  std::uint64_t n = 0, of = 0;  // "3 of 7"
  std::uint64_t attempt = 0;
  std::string waiting_for;  // "server Ready at any of n1, n2"; empty when it runs
  bool operator==(const RecordStep&) const = default;
};

// A fact that members may fetch from this node; its value is never in a record.
struct RecordFact {
  std::string name;
  std::string sha256;  // of a sensitive fact: keyed with the cluster's token, see peer/facts.h
  bool sensitive = false;
  bool operator==(const RecordFact&) const = default;
};

// What the daemon tells; klubster-peerd makes the record of it.
struct RecordBody {
  std::uint64_t generation = 0;
  std::optional<RecordProfile> profile;
  std::vector<Condition> conditions;
  std::optional<RecordStep> step;
  std::string boot;  // the kind of its boot; empty: the daemon has not said yet
  std::optional<RecordForming> forming = {};  // likewise
  std::map<std::string, std::string> versions;
  bool operator==(const RecordBody&) const = default;
};

struct NodeRecord {
  std::string cluster_name;
  std::string cluster_id;  // empty until the cluster is formed
  std::string node;
  std::string machine;  // the machine's id, hashed for this application
  RecordVersion version;
  std::string time;  // of the change, by the node's own clock: for people only
  std::vector<std::string> modes;
  std::map<std::string, std::string> labels;
  RecordBody body;
  std::vector<std::string> addresses;
  std::vector<RecordFact> facts;
  std::string public_key;  // raw; the key that `signature` is by
  std::string signature;   // raw, over record_text()

  const RecordFact* find_fact(std::string_view name) const;
  bool operator==(const NodeRecord&) const = default;
};

// [A-Za-z0-9] and inner dots and dashes, at most 64: it must stand in a certificate and a URL.
bool is_node_name(std::string_view name);

// A key or signature: base64 of exactly so many bytes. Else empty, and a mistake of the reader's.
std::string read_base64(JsonReader& reader, std::string_view key, std::size_t bytes);

Json to_json(const NodeRecord& record);
// kInvalid, reason "BadJson": anything that to_json() could not have made. Says nothing about who
// made it: see verify_record().
Result<NodeRecord> record_from_json(const Json& json);

// {"generation","profile"?,"conditions","step"?,"boot"?,"versions"}; kInvalid, reason "BadJson".
Result<RecordBody> record_body_from_json(const Json& json);
Json to_json(const RecordBody& body);

// The bytes that are signed: canonical JSON of all but the signature, after a line that says what
// they are, so that a signature made for something else never fits.
std::string record_text(const NodeRecord& record);
void sign_record(NodeRecord& record, const Ed25519Key& key);
// That the signature is by `public_key`, over this content. Whether that key may speak for the
// node is the caller's question.
bool verify_record(const NodeRecord& record);

enum class MergeVerdict {
  kNewer,         // take it
  kSame,          // known already
  kOlder,         // we know better
  kConflict,      // the same version with other content: two writers
  kOtherMachine,  // two machines claim the name
};
MergeVerdict compare_records(const NodeRecord& known, const NodeRecord& arrived);

}  // namespace klubster
