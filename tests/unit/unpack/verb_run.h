// Running a verb of klubster profile inside of a test program.
#pragma once

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "unpack/verbs.h"

namespace klubster {

// What went to standard output and standard error while this lives.
class Captured {
 public:
  Captured() : out_(std::cout.rdbuf(out_text_.rdbuf())), err_(std::cerr.rdbuf(err_text_.rdbuf())) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }
  std::string out() const { return out_text_.str(); }
  std::string err() const { return err_text_.str(); }

 private:
  std::stringstream out_text_, err_text_;
  std::streambuf* out_;
  std::streambuf* err_;
};

struct VerbRun {
  int code;
  std::string out, err;
};

inline VerbRun run_verb(const std::vector<std::string>& arguments) {
  const Captured captured;
  const auto code = run_package_verb(arguments);
  return {code.value_or(-1), captured.out(), captured.err()};
}

}  // namespace klubster
