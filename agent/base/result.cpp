// Text forms of errors.
#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace klubster {

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
