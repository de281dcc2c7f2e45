// Which changes of the config must wait until the node has left its cluster.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/node_config.h"

namespace klubster {

// Whether `next` may follow the config whose stored form (to_json with kDigest) is in force, on a
// node that belongs to a cluster: the keys that the schema does not let change in place are the
// same, but for an id that is set for the first time. Secrets are compared by their digests, which
// needs the `salt` of the stored form; under another salt they are not compared. kInvalid, reason
// NotInPlace, all keys at once, one line each; no secret stands in it. Pure.
Status check_in_place(const Json& stored, const NodeConfig& next, std::string_view salt);

}  // namespace klubster
