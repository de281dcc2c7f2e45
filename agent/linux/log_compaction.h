// Removing the oldest segments of the event log once base.json stands for them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace klubster {

// Removes segments before number `present`, the oldest first, until all together have at most
// `log_bytes`. kUntrusted, reason "LogDamaged", when what is to be removed is damaged: nothing is
// removed then. kIo: the disk refuses.
Status compact_log(const std::string& directory, std::uint64_t present, std::uint64_t log_bytes);

}  // namespace klubster
