// Errors as the command line shows them.
#include "cli/exit_code.h"

#include <iostream>

#include "base/reason.h"

namespace klubster {

int exit_code(const Error& error) {
  if (error.reason() == "Usage") return kExitUsage;
  switch (error.kind()) {
    case ErrorKind::kInvalid:
    case ErrorKind::kUntrusted:
      return kExitFixInput;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
      return kExitTryAgain;
    case ErrorKind::kConflict:
      return kExitConflict;
    case ErrorKind::kIo:
    case ErrorKind::kInternal:
      return kExitFailed;
  }
  return kExitFailed;
}

int report(const Error& error) {
  std::cerr << "klubster: " << error.message() << "\n";
  if (const std::string next = next_step(error); !next.empty())
    std::cerr << "next: " << next << "\n";
  return exit_code(error);
}

}  // namespace klubster
