// Running Core and answering what it asks, question by question.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/questions.h"

namespace klubster {

struct DialogueLimits {
  std::uint64_t idle_usec = 600'000'000;  // without a word of Core
  std::uint64_t pause_usec = 2'000'000;   // after which a question that is not known is one
};

// Replaces each of these by stars in what is shown.
std::string hide(std::string text, const std::vector<std::string>& secrets);

// Runs `argv` with this program's directory and environment. What it prints goes to standard
// output, line by line, without `secrets`. Its standard input stays open while it may ask, and gets
// nothing but the answers of `interview`. Returns its exit code (128 + n: killed by signal n).
// Errors, after which nothing of it runs any more:
//   kInvalid  QuestionUnexpected  with the question
//   kTimeout  TimedOut            it said nothing for too long
//   kIo       it could not be started
Result<int> converse(const std::vector<std::string>& argv, Interview& interview,
                     const std::vector<std::string>& secrets, const DialogueLimits& limits);

}  // namespace klubster
