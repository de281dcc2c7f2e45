// Handing a verb to klubster-unpack, which alone reads packages.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"

namespace klubster {

// Becomes `klubster-unpack VERB REST…`. One that only reads gives root's rights up before, all but
// the one to read. Returns (the exit code of an error) only when that fails.
int become_unpack(const std::string& verb, const std::vector<std::string>& rest, bool only_reads);

// Standard arguments of the verbs below: everything is klubster-unpack's to parse.
Action declare_unpack_verb(Arguments& arguments, const char* verb, bool only_reads);

}  // namespace klubster
