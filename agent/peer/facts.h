// Facts: values that one node shares with the members of the cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/node_record.h"
#include "peer/needs.h"

namespace klubster {

struct SharedFact {
  std::string name;
  std::string value;  // at most 32 KiB of UTF-8; a secret when sensitive
  bool sensitive = false;
  bool operator==(const SharedFact&) const = default;
};

// {"facts":[{"name","value","sensitive"}]}. kInvalid, reason "BadJson"; never with a value.
Result<std::vector<SharedFact>> shared_facts_from_json(std::string_view text);
Json to_json(const SharedFact& fact);
// What GET /v1/facts/<name> answers: {"v":1,"name","value","sensitive"}.
Result<SharedFact> shared_fact_from_json(std::string_view text);

// The key of digests of sensitive facts: a plain digest of a short secret could be guessed by
// whoever may read records, and every local user may.
std::string fact_digest_key(std::string_view token_secret);
// What the record says of the fact: SHA-256 of the value, of a sensitive one keyed (HKDF).
RecordFact describe_fact(const SharedFact& fact, std::string_view digest_key);

// Values fetched from their owners, for as long as needs ask for them.
class FetchedFacts {
 public:
  // nullptr when the value that `source` means is not here.
  const SharedFact* find(const FactSource& source) const;
  void put(const FactSource& source, SharedFact fact);
  // Forgets what none of `sources` means.
  void keep_only(const std::vector<FactSource>& sources);

 private:
  using Key = std::pair<std::string, std::string>;  // owner, name
  struct Value {
    std::string sha256;
    SharedFact fact;
  };
  std::map<Key, Value> values_;
};

}  // namespace klubster
