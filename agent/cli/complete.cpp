// klubster complete: hidden; the files in completion/ call it.
#include <iostream>
#include <memory>

#include "cli/candidates.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_complete(Arguments& arguments) {
  const auto rest = std::make_shared<std::vector<std::string>>();
  arguments.rest(rest.get());
  return [rest] {
    auto words = *rest;
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    for (const auto& candidate : candidates(words))
      std::cout << candidate << "\n";
    return kExitDone;
  };
}

}  // namespace klubster
