// What klubster-store does below the state directory: seal a staged profile, collect garbage.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

struct StoreRequest {
  bool seal = false;  // else: collect
  std::string staging;
  std::string sha256;
  std::vector<std::string> keep;  // digests of the profiles that stay
};

// kInvalid, reason "BadJson", for anything that is not a request; names cannot leave their folder.
Result<StoreRequest> store_request_from_json(const Json& json);

// staging/<name>/tree becomes profiles/<sha256>: taken over, synced, renamed. A profile that is
// there already stays; a staging that is refused is removed. {"v","ok","files","bytes"}.
Result<Json> seal(const std::string& state_dir, const StoreRequest& request);

// Removes every profile and blob that is not kept, and every staging.
Result<Json> collect(const std::string& state_dir, const StoreRequest& request);

}  // namespace klubster
