// Which environment variables may reach a step, and what a value must look like (trust.md).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

// [A-Z_][A-Z0-9_]{0,127}
bool is_variable_name(std::string_view name);
// Names that never reach a step, wherever they come from (LD_*, PATH, KLUBSTER_*, *_proxy, …).
bool is_denied_variable(std::string_view name);
// UTF-8, no NUL, at most 32 KiB, a newline only when `multiline`. kInvalid, reason "BadValue".
Status check_variable_value(std::string_view value, bool multiline);

}  // namespace klubster
