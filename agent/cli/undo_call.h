// Verbs that take something away: leave, destroy, reset. The same options, the same question
// before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/guarded_call.h"

namespace klubster {

struct UndoOptions {
  bool yes = false;
  bool force = false;
  GuardOptions guard;
};

std::shared_ptr<UndoOptions> declare_undo_options(Arguments& arguments);

// Asks the person, then calls `method` of the agent, with `more` options of its own. Returns the
// exit code. `word` is what the person has to type.
int call_undo(const UndoOptions& options, const std::string& method,
              const std::string& what_happens, const std::string& word,
              std::vector<MethodOption> more = {});

}  // namespace klubster
