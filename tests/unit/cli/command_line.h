// Runs `klubster` in this process and catches what it prints.
#pragma once

#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/verbs.h"

namespace klubster {

// Of the sources.
inline std::filesystem::path repository() {
  return std::filesystem::absolute(__FILE__)
      .parent_path()
      .parent_path()
      .parent_path()
      .parent_path();
}

struct Ran {
  int code = -1;
  std::string out, err;
};

inline Ran klubster_command(const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"klubster"};
  for (const auto& word : words)
    argv.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  auto* const old_out = std::cout.rdbuf(out.rdbuf());
  auto* const old_err = std::cerr.rdbuf(err.rdbuf());
  Ran ran;
  try {
    ran.code = run_command_line(all_verbs(), static_cast<int>(argv.size()), argv.data());
  } catch (...) {
    std::cout.rdbuf(old_out);
    std::cerr.rdbuf(old_err);
    throw;
  }
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

}  // namespace klubster
