// Whether a value fits the input that it is for.
#pragma once

#include <string_view>

#include "model/profile.h"

namespace klubster {

// kInvalid, reason "BadValue", "expected …, found …" (a sensitive value is never shown).
Status check_input(const InputSpec& input, std::string_view value);

}  // namespace klubster
