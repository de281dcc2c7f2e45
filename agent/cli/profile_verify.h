// What this machine trusts packages by.
#pragma once

#include <string>
#include <vector>

#include "linux/config_sources.h"

namespace klubster {

// The options of `klubster-unpack verify` that say the same as the config tree: trusted keys,
// pinned digest and cluster. Empty when it trusts nothing, or cannot be read.
std::vector<std::string> trust_options(const ConfigSources& sources);

// Those that say the same as profile/limits of the tree; none for what it leaves at its default.
std::vector<std::string> limit_options(const ConfigSources& sources);

}  // namespace klubster
