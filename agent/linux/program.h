// Runs another program of the system and takes what it prints.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace klubster {

struct ProgramOutput {
  int code = 0;      // exit code; 128 + n when signal n killed it
  std::string text;  // of standard output
};

// What execv(3) and posix_spawn(3) want of `words`, which have to outlive it.
std::vector<char*> argv_of(std::vector<std::string>& words);

// `words` are the program, looked for in $PATH and in the places of system programs, and its
// arguments; its standard input is empty, its errors go where ours go. kIo when it cannot be
// started; kInvalid, TooLarge, when it prints more than `limit_bytes`.
Result<ProgramOutput> run_program(const std::vector<std::string>& words, std::size_t limit_bytes);

}  // namespace klubster
