// What came of the medium that configured this machine, as `klubster-media` left it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace klubster {

// Why the import of a medium was refused, from media.json; nullopt: it was not, or there was none.
std::optional<Error> refused_medium(const std::string& path);

}  // namespace klubster
