// Text forms of errors.
#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace klubster {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return "invalid";
    case ErrorKind::kUntrusted:
      return "untrusted";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kIo:
      return "io";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

std::string Error::message() const {
  std::string text;
  for (auto context = contexts_.rbegin(); context != contexts_.rend(); ++context) {
    text += *context + ": ";
  }
  return text + message_;
}

Error system_error(std::string what, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error(ErrorKind::kIo, full ? "DiskFull" : "SystemCallFailed",
               std::generic_category().message(error_number))
      .in(std::move(what));
}

}  // namespace klubster
