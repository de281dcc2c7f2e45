// Versions of Core, as far as they are numbers.
#pragma once

#include <string>

namespace klubster {

struct VersionBounds {
  std::string exactly;  // PRODUCTIVE_K3S_VERSION: "0.9.4", "v0.9.4", "latest"; empty: any
  std::string at_least, below;
};

// "expected version 0.9.4, found 0.9.5"; empty: it fits, or it is no number (a bundle of somebody's
// own) and nothing exact is asked for.
std::string version_mistake(const std::string& version, const VersionBounds& bounds);

}  // namespace klubster
