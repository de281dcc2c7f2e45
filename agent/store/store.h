// The profiles on disk: sealing what the unpack worker staged, removing what nobody needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

struct StoreRequest {
  enum class Kind { kSeal, kCollect };
  Kind kind = Kind::kSeal;
  std::string staging;            // name below staging/
  std::string sha256;             // of the package: the profile's name below profiles/
  std::vector<std::string> keep;  // of kCollect
};

// kInvalid, reason "BadJson": also for names that would lead out of the store.
Result<StoreRequest> store_request_from_json(const Json& json);

struct StoreReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// <state>/staging/<name>/tree becomes <state>/profiles/<sha256>: walked without following links,
// only regular files and directories with one link, owned by root, modes 0755 and 0644, synced,
// renamed. The staging is gone afterwards, whatever happened. A profile that is there already is
// left as it is. kUntrusted, reason "ArchiveRefused", when the tree holds anything else; kIo.
Result<StoreReport> seal(const std::string& state_dir, const StoreRequest& request);

// Removes every profile that is not kept, every staging, and every blob that is not named by a kept
// digest. A profile disappears at once, by a rename, never piece by piece. kIo.
Result<StoreReport> collect(const std::string& state_dir, const StoreRequest& request);

}  // namespace klubster
