// Looking through systemd.unit(5)'s path of the system manager.
#include "linux/unit_files.h"

#include <sys/stat.h>

#include <array>

namespace klubster {

std::string machine_unit_file(const std::string& name, const std::string& root) {
  constexpr std::array<const char*, 13> kPath = {"/etc/systemd/system.control",
                                                 "/run/systemd/system.control",
                                                 "/run/systemd/generator.early",
                                                 "/etc/systemd/system",
                                                 "/etc/systemd/system.attached",
                                                 "/run/systemd/system",
                                                 "/run/systemd/system.attached",
                                                 "/run/systemd/generator",
                                                 "/usr/local/lib/systemd/system",
                                                 "/usr/lib/systemd/system",
                                                 "/lib/systemd/system",
                                                 "/run/systemd/generator.late",
                                                 "/run/current-system/sw/lib/systemd/system"};
  for (const char* directory : kPath) {
    const std::string path = std::string(directory) + "/" + name;
    struct stat info {};
    if (::lstat((root + path).c_str(), &info) == 0) return path;  // a mask's link leads nowhere
  }
  return "";
}

}  // namespace klubster
