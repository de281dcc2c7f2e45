// Reads one value of the config tree from its file, whatever that turns out to be.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"

namespace klubster {

struct ReadValue {
  Result<std::string> value;
  struct stat info = {};  // of what is there, be it a file or not; all zero: nothing
};

// The value in `name` below the directory `parent` (AT_FDCWD: `name` is a path), links followed.
// Never blocks on a FIFO or device and never opens one; reads at most 64 KiB. Errors are kInvalid,
// reason BadValue or that of cannot_open(), and say "expected …, found …" without naming the file.
// `is_regular`: the directory said that it is a regular file, which spares a look.
ReadValue read_tree_file(int parent, const std::string& name, bool is_regular = false);
// The same words for what the system refused: "expected a file, found a loop of symbolic links".
std::string cannot_read(int error_number);
// Likewise of `name` below `parent`, when it is there but could not be opened. Who is root, as
// klubsterd is, and may not read it is told whose it is; who is not gets the reason AccessDenied.
Error cannot_open(int parent, const std::string& name, int error_number);

// "0644"
std::string mode_text(mode_t mode);

}  // namespace klubster
