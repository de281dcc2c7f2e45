// Unit files that the machine has.
#pragma once

#include <string>

namespace klubster {

// Where the machine's own unit file of this name is, links and masks included; empty: nowhere.
// Transient units, such as klubster's, do not count. `root` is for tests.
std::string machine_unit_file(const std::string& name, const std::string& root = "");

}  // namespace klubster
