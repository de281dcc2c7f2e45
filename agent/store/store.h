// The profiles on disk: sealing what the unpack worker staged, removing what nobody needs.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

struct StoreRequest {
  enum class Kind { kSeal, kCollect };
  Kind kind = Kind::kSeal;
  // Of kSeal:
  std::string staging;  // name below staging/
  std::string sha256;   // of the package: the profile's name below profiles/
  // Of kCollect, what stays:
  bool dry_run = false;
  std::set<std::string> profiles;     // digests
  std::set<std::string> stagings;     // names below staging/
  std::set<std::string> downloads;    // blobs/<this>.*
  std::set<std::string> results;      // results/<stage>-<this>.*
  std::set<std::string> generations;  // numbers
};

// kInvalid, reason "BadJson": also for names that would lead out of the store.
Result<StoreRequest> store_request_from_json(const Json& json);

struct StoreReport {
  // "profile", "generation", "staging", "download" or "result", and its name.
  struct Entry {
    std::string kind, name;
    std::uint64_t files = 0, bytes = 0;
    std::string message;  // why it is left
  };

  std::uint64_t files = 0;  // sealed, or removed
  std::uint64_t bytes = 0;
  // Of kCollect:
  std::vector<Entry> removed, left, kept;
};

// <state>/staging/<name>/tree becomes <state>/profiles/<sha256>: walked without following links,
// only regular files and directories with one link, owned by root, modes 0755 and 0644, synced,
// renamed. The staging is gone afterwards, whatever happened. A profile that is there already
// stays, unless it is damaged: then it is exchanged. kUntrusted, reason "ArchiveRefused", when the
// tree holds anything else; kIo.
Result<StoreReport> seal(const std::string& state_dir, const StoreRequest& request);

// Removes everything that the request does not keep. A profile or a generation disappears at once,
// by a rename, never piece by piece; what a collection that was cut off left in staging/ goes with
// the next. What cannot be removed is reported as left, and the rest goes. A dry run changes
// nothing and reports the same. kIo when the store cannot be read.
Result<StoreReport> collect(const std::string& state_dir, const StoreRequest& request);

}  // namespace klubster
