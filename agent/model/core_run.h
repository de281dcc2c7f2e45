// What Core's run manifest says that anybody may see: for status, and for telemetry.
#pragma once

#include <string>

#include "base/json.h"

namespace klubster {

// Only the keys that productive-k3s calls public, each a short word or number; whatever else stands
// in a manifest (addresses, names of hosts, paths) is left out. An empty object for what is no
// manifest.
Json public_core_run(const Json& manifest);

// Whether that was a real run of Core that succeeded.
bool core_run_succeeded(const Json& run);

// "20261121-101500-77-1-2: success: cluster_runtime installed, helm reused"
std::string core_run_text(const Json& run);

}  // namespace klubster
