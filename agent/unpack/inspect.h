// What a package is, for people and for programs.
#pragma once

#include <string>

#include "base/json.h"
#include "unpack/open_package.h"

namespace klubster {

// One fact below others; nothing without a value.
std::string fact_line(const std::string& label, const std::string& value);
// Several lines, ending in a newline.
std::string describe_package(const OpenedPackage& package);
// {"profile": canonical manifest, "files": […], "signature": {…}}.
Json package_to_json(const OpenedPackage& package);

}  // namespace klubster
