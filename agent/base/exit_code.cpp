// Ending by an error or by a bug.
#include "base/exit_code.h"

#include <exception>
#include <string>

#include "base/log.h"

namespace klubster {

int plain_exit_code(const Error& error) {
  if (error.reason() == "Usage") return kExitUsage;
  const bool input = error.kind() == ErrorKind::kInvalid || error.kind() == ErrorKind::kUntrusted;
  return input ? kExitFixInput : kExitFailed;
}

int run_main(const char* program, const std::function<int()>& body) {
  try {
    return body();
  } catch (const std::exception& bug) {
    log(LogLevel::kError, std::string(program) + ": " + bug.what());
    return kExitBug;
  }
}

}  // namespace klubster
