// Walking trees that somebody else wrote, by descriptors, never through a link.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace klubster {

struct TreeCount {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Makes everything below `parent_fd`/`name` root's, directories 0755, files 0644 (0755 when their
// owner may execute them). Demands regular files and directories with one link each; anything else
// is kUntrusted, reason "ArchiveRefused", and names the member (trust.md, rule 9).
Result<TreeCount> take_over_tree(int parent_fd, const std::string& name);

// Removes the tree, whatever it holds, also directories of mode 000. One that is not there is fine.
Status remove_tree(int parent_fd, const std::string& name);

}  // namespace klubster
