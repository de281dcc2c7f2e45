// What identifies this machine and this boot.
#pragma once

#include <string>

#include "base/result.h"

namespace klubster {

// Of the running kernel or container, 32 hex digits.
Result<std::string> boot_id();
// Derived from /etc/machine-id for klubster alone (machine-id(5): the id itself is confidential).
Result<std::string> machine_identity();

}  // namespace klubster
