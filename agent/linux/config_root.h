// One root of the config tree as it is on the disk.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "linux/config_sources.h"
#include "model/tree.h"

namespace klubster {

// Directories inside one another; what is deeper is refused.
inline constexpr std::size_t kConfigDepth = 16;

// What a path was when it was read.
struct FileStamp {
  std::string path;
  struct stat info;  // all zero: nothing was there
};

struct RootReading {
  TreeLayer layer;
  std::vector<FileStamp> stamps;  // of every file and directory that was read

  // Whether the disk still holds what was read, by one look at each stamp. False also when that
  // cannot be known so: something could not be read, or has changed in the last seconds.
  bool stands_still() const;
};

RootReading read_root(const ConfigRoot& root);
// One root as it is: its files, and what could not be read. One reading: a tree that is being
// changed may come out half old, half new.
TreeLayer read_config_root(const ConfigRoot& root);

}  // namespace klubster
