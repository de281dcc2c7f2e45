// What crosses the wire between peers, beside records and facts.
#pragma once

#include <array>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/node_record.h"
#include "peer/replacement.h"
#include "peer/roster.h"

namespace klubster {

inline constexpr std::size_t kPeerBodyBytes = 64 * 1024;
inline constexpr const char* kRecordsPath = "/v1/records";
inline constexpr const char* kSyncPath = "/v1/sync";
inline constexpr const char* kFactsPath = "/v1/facts/";
inline constexpr const char* kHealthPath = "/v1/health";
inline constexpr const char* kMetricsPath = "/metrics";

// A version of a record, and a few letters of its signature's digest: two contents under one
// version are seen as two.
struct Edition {
  RecordVersion version;
  std::string mark;
  auto operator<=>(const Edition&) const = default;
};
Edition edition_of(const NodeRecord& record);

struct Row {
  std::string node;
  Edition edition;
};

// Everything that a node knows, by name, in buckets: two nodes compare a few digests, then the rows
// of the buckets that differ, then exchange the records that one of them lacks.
inline constexpr std::size_t kBuckets = 32;
using Buckets = std::array<std::string, kBuckets>;  // of each the first letters of a digest
std::size_t bucket_of(std::string_view node);
// `rows` sorted by name.
Buckets digests_of(const std::vector<Row>& rows);

// Both the question and the answer of an exchange; what is empty is left out:
// {"v":1,"at":[3,14,"5f…"],"yours":[2,9,"a0…"],"self":{…},"buckets":"…","rows":{"7":[["n1",3,14,
// "5f…"],…]},"records":[…],"want":["n3"],"decided":"…","replacements":[…]}
struct SyncMessage {
  Edition at;     // of the sender's own record
  Edition yours;  // of the receiver's, as it gave it itself; 0.0: it did not
  std::optional<NodeRecord> self;
  std::optional<Buckets> buckets;  // is asked to compare
  // The answer to that: by bucket that differs, all rows in it.
  std::map<std::size_t, std::vector<Row>> rows;
  std::vector<NodeRecord> records;
  std::vector<std::string> want;
  std::string decided;  // Replacements::digest()
  std::vector<Replacement> replacements;
};

// Leaves out the records that would not fit into a body: the next exchange brings them.
std::string to_text(const SyncMessage& message);
// kInvalid, reason "BadJson".
Result<SyncMessage> parse_sync(std::string_view text);
Result<NodeRecord> parse_record(std::string_view text);

// {"reason","message","known":{"incarnation","seq"}?,"cluster"?}: how a request is refused; `known`
// is what is known of the caller, so that it can go beyond it, `cluster` the id of the cluster that
// the caller would find if it were let in.
struct Refused {
  Problem problem;
  RecordVersion known;
  std::string cluster = {};
};
std::string to_text(const Refused& refused);
// What an answer that is not 200 says; something made up from the status when it says nothing.
Refused parse_refused(int status, std::string_view text);

// {"v":1,"known":{…}}: how a push is answered.
std::string known_text(RecordVersion known);
// kInvalid, reason "BadJson".
Result<RecordVersion> parse_known(std::string_view text);

}  // namespace klubster
