// Asking for an undo.
#include "cli/undo_call.h"

#include "cli/consent.h"
#include "cli/exit_code.h"

namespace klubster {

std::shared_ptr<UndoOptions> declare_undo_options(Arguments& arguments) {
  auto options = std::make_shared<UndoOptions>();
  arguments.flag("--yes", &options->yes, "Do not ask");
  arguments.flag("--force", &options->force, "Give up what cannot be undone, on record");
  declare_guard(arguments, &options->guard);
  return options;
}

int call_undo(const UndoOptions& options, const std::string& method,
              const std::string& what_happens, const std::string& word,
              std::vector<MethodOption> more) {
  if (!is_meant(options.yes, what_happens, word)) return kExitFailed;
  more.push_back({"force", options.force});
  return call_guarded(method, std::move(more), options.guard,
                      "to see it through: klubster wait --for=Left");
}

}  // namespace klubster
