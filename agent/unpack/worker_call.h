// The worker: judges the package on standard input and unpacks it into the staging directory.
#pragma once

#include <string>

#include "base/json.h"
#include "unpack/judge.h"

namespace klubster {

// The result of one request, ok or failed: the whole of what klubsterd learns. `staging` is emptied
// before, and again when the package is refused.
Json judge_and_unpack(int blob, const std::string& staging, const UnpackRequest& request);

}  // namespace klubster
