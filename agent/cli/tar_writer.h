// A plain tar (POSIX ustar, pax where a path is long), the same bytes for the same content.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace klubster {

struct TarMember {
  std::string path;
  std::string content = {};
  std::string file = {};  // where the content is read from instead, when its turn comes
  unsigned mode = 0644;
};

// Sorted by path, owner 0, time 0. kIo; kInvalid for a file that is none.
Status write_tar(int fd, std::vector<TarMember> members);

}  // namespace klubster
