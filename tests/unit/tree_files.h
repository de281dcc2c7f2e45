// Files in a directory for one test, such as a config tree.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/temporary_directory.h"

namespace klubster {

class TreeFiles : public TemporaryDirectory {
 public:
  // Nobody else may read them: some are secrets.
  void write(const std::string& key, const std::string& content, int mode = 0600) const {
    const std::filesystem::path file = at(key);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
  }
  std::string read(const std::string& key) const {
    std::ifstream file(at(key), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  bool has(const std::string& key) const { return std::filesystem::exists(at(key)); }
  std::string at(const std::string& key) const { return path() + "/" + key; }
  int mode(const std::string& key) const {
    struct stat info {};
    return ::stat(at(key).c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
  }
};

}  // namespace klubster
