// Directories by descriptor: entries are looked at and opened, links in them never followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/files.h"

namespace klubster {

// One name, no slash, not "." or "..", nothing hidden: what a request may name below a directory.
bool is_name_in_directory(std::string_view name);

// `name` below `parent` as a directory, a link refused. kIo.
Result<UniqueFd> open_directory(int parent, const std::string& name);
// The same, made with this mode when it is not there.
Result<UniqueFd> open_or_make_directory(int parent, const std::string& name, unsigned mode);

// The mount that the open file is reached by. Device numbers would not do: on an overlay they
// differ between the files and directories of one mount (statx(2), Linux 5.8). kIo.
Result<std::uint64_t> mount_of(int fd);

// What a removal took away, or would.
struct Removed {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;    // of files with no name elsewhere
  std::optional<Error> left;  // the first thing that could not be removed (kIo); the rest is gone
};

// Removes `name` below `parent` and all below it, however deep and whatever its modes; nothing on
// another mount. One that is not there is fine.
Removed remove_tree(int parent, const std::string& name);
// Changes nothing. What lies more than 200 directories deep is not counted.
Removed measure_tree(int parent, const std::string& name);

}  // namespace klubster
