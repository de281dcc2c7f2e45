// The exit codes of `klubster`: what --help says of them, and how an error becomes one.
#pragma once

#include "base/exit_code.h"
#include "base/result.h"

namespace klubster {

// The text below every --help.
inline constexpr const char* kExitHelp =
    "Exit codes:\n"
    "  0   done\n"
    "  1   failed\n"
    "  2   plan: there are changes\n"
    "  4   conflict: somebody else changed it first\n"
    "  64  wrong usage\n"
    "  75  not now: try again\n"
    "  78  the input must be mended\n";

// What an error of klubster ends with: of its reason "Usage" kExitUsage, else what its kind says.
int exit_code(const Error& error);
// "klubster wait": wrong usage that has no better advice is told to look at its help.
void set_called_verb(std::string verb);
// Prints the error and what to type next on standard error; returns its exit code.
int report(const Error& error);

}  // namespace klubster
