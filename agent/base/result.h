// A failure with a policy kind and a story, and the Result that carries it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace klubster {

// Few kinds, each answering one question: what may the caller do about it?
// kInvalid: mend the input. kUntrusted: do not use it. kUnavailable, kTimeout: try again.
// kConflict: somebody else won. kIo: the machine failed us. kInternal: a bug.
enum class ErrorKind { kInvalid, kUntrusted, kUnavailable, kTimeout, kConflict, kIo, kInternal };

class Error {
 public:
  // `reason` is a row of the table in base/reason.h ("DigestMismatch"); `message` says what is
  // wrong, lower case, no full stop, never a secret.
  Error(ErrorKind kind, std::string reason, std::string message)
      : kind_(kind), reason_(std::move(reason)), message_(std::move(message)) {}

  // What we were doing, on what: the outermost context is added last and printed first.
  Error&& in(std::string context) && {
    contexts_.push_back(std::move(context));
    return std::move(*this);
  }
  // What to type next, when it is not what the reason's table says.
  Error&& hint(std::string next) && {
    hint_ = std::move(next);
    return std::move(*this);
  }

  ErrorKind kind() const { return kind_; }
  const std::string& reason() const { return reason_; }
  const std::string& hint() const { return hint_; }
  // "profile k3s: unpacking: lib/setup.sh: file is larger than 128 MiB"
  std::string message() const;

 private:
  ErrorKind kind_;
  std::string reason_;
  std::string message_;
  std::string hint_;
  std::vector<std::string> contexts_;
};

// A value or an Error. [[nodiscard]]: ignoring one is written `(void)` with a reason.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}

  // The same result, with what we were doing added to its error.
  Result in(std::string context) && {
    if (!this->has_value()) (void)std::move(this->error()).in(std::move(context));  // in place
    return std::move(*this);
  }
};

using Status = Result<void>;

// The error of a failed system call: kIo, reason "SystemCallFailed", "opening PATH: No such file…".
Error system_error(std::string what, int error_number);

}  // namespace klubster
