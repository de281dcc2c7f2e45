// What verbs that change what klubsterd does have in common: under which conditions it may.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/method_options.h"

namespace klubster {

struct GuardOptions {
  bool interrupt = false;
  std::uint64_t if_generation = 0;
};

// --if-generation alone.
void declare_if_generation(Arguments& arguments, std::uint64_t* into);
// --interrupt and --if-generation.
void declare_guard(Arguments& arguments, GuardOptions* into);

// The options of a method: those that are its own, and the guard's.
std::vector<MethodOption> guarded(std::vector<MethodOption> own, const GuardOptions& guard);

// Calls `method` of the agent. Says on standard error that it was accepted and `what_next`, or why
// not; returns the exit code.
int call_guarded(const std::string& method, std::vector<MethodOption> own,
                 const GuardOptions& guard, const std::string& what_next);

}  // namespace klubster
