// Exit codes of `klubster`, and how an error becomes one.
#pragma once

#include <string>

#include "base/result.h"

namespace klubster {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitChanges = 2;
inline constexpr int kExitConflict = 4;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitTryAgain = 75;
inline constexpr int kExitFixInput = 78;

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

int exit_code(const Error& error);
// Prints the error and what to type next on standard error; returns its exit code.
int report(const Error& error);

}  // namespace klubster
