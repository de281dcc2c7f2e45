// Errors as the command line shows them.
#include "cli/exit_code.h"

#include <iostream>
#include <utility>

#include "base/reason.h"

namespace klubster {

namespace {

std::string& called_verb() {
  static std::string verb = "klubster";
  return verb;
}

std::string advice(const Error& error) {
  const bool of_verb = error.reason() == "Usage" && error.hint().empty();
  return of_verb ? called_verb() + " --help" : next_step(error);
}

}  // namespace

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

void set_called_verb(std::string verb) {
  called_verb() = std::move(verb);
}

int report(const Error& error) {
  std::cerr << "klubster: " << error.message() << "\n";
  if (const std::string next = advice(error); !next.empty()) std::cerr << "next: " << next << "\n";
  return exit_code(error);
}

}  // namespace klubster
