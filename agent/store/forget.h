// The end of `klubster reset`.
#pragma once

#include <string>

#include "base/result.h"

namespace klubster {

// Removes, when the order says so, everything below `peer_dir`; then everything below `state_dir`
// but what the node was told to be (config/, media/, media.json) and the order itself
// (names::kResetOrder). The event log goes last, as a whole, when the rest is gone from the disk:
// as long as it is there, the daemon knows what it owes. kInvalid or kIo when the order cannot be
// read; kIo for the first thing that could not be removed, after what else could be: the log stays.
Status forget(const std::string& state_dir, const std::string& peer_dir);

}  // namespace klubster
