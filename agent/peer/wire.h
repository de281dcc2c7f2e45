// What crosses the wire between peers, beside records and facts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/node_record.h"
#include "peer/roster.h"

namespace klubster {

inline constexpr std::size_t kPeerBodyBytes = 64 * 1024;
inline constexpr const char* kRecordsPath = "/v1/records";
inline constexpr const char* kSyncPath = "/v1/sync";
inline constexpr const char* kFactsPath = "/v1/facts/";
inline constexpr const char* kHealthPath = "/v1/health";

struct KnownVersion {
  std::string node;
  RecordVersion version;
};

// {"v":1,"self":{…},"have":[["n1",3,14],…]?,"records":[…],"want":["n3"]}: both the question and the
// answer of an exchange. Without `have` nothing is asked for.
struct SyncMessage {
  NodeRecord self;
  std::optional<std::vector<KnownVersion>> have;
  std::vector<NodeRecord> records;
  std::vector<std::string> want;
};

// Leaves out the records that would not fit into a body: the next exchange brings them.
std::string to_text(const SyncMessage& message);
// kInvalid, reason "BadJson".
Result<SyncMessage> parse_sync(std::string_view text);
Result<NodeRecord> parse_record(std::string_view text);

// {"reason","message","known":{"incarnation","seq"}?}: how a request is refused; `known` is what is
// known of the caller, so that it can go beyond it.
struct Refused {
  Problem problem;
  RecordVersion known;
};
std::string to_text(const Refused& refused);
// What an answer that is not 200 says; something made up from the status when it says nothing.
Refused parse_refused(int status, std::string_view text);

// {"v":1,"known":{…}}: how a push is answered.
std::string known_text(RecordVersion known);
// kInvalid, reason "BadJson".
Result<RecordVersion> parse_known(std::string_view text);

}  // namespace klubster
