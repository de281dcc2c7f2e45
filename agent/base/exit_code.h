// How the programs end.
#pragma once

#include <functional>

#include "base/result.h"

namespace klubster {

// As in sysexits(3) from 64 on (docs/architecture.md, "Errors").
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitChanges = 2;
inline constexpr int kExitConflict = 4;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitBug = 70;
inline constexpr int kExitTryAgain = 75;
inline constexpr int kExitFixInput = 78;

// Of a program that knows no more than: wrong usage, what it was given is to be mended, failed.
int plain_exit_code(const Error& error);

// What `body` returns. An exception means a bug: it is logged after the program's name, and the
// code is kExitBug.
int run_main(const char* program, const std::function<int()>& body);

}  // namespace klubster
