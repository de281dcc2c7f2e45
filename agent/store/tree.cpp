// Taking over and removing trees.
#include "store/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr int kDepthLimit = 64;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error refused(const std::string& path, const char* why) {
  return Error(ErrorKind::kUntrusted, "ArchiveRefused", why).in(printable(path));
}

// Calls `visit` for each name in the directory.
Status for_each_name(int directory_fd, const std::function<Status(const std::string&)>& visit) {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  // A descriptor of its own: closedir() closes it, and its position is not shared.
  const int own = ::openat(directory_fd, ".", kOpenDirectory);
  if (own < 0) return system_error("listing a staged directory", errno);
  const std::unique_ptr<DIR, Close> directory(::fdopendir(own));
  if (directory == nullptr) return system_error("listing a staged directory", errno);
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return system_error("listing a staged directory", errno);
    if (entry == nullptr) return {};
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (auto visited = visit(name); !visited) return visited;
  }
}

class Takeover {
 public:
  Result<TreeCount> run(int parent_fd, const std::string& name) {
    if (auto taken = directory(parent_fd, name, name, 0); !taken) return taken.error();
    return count_;
  }

 private:
  // A descriptor first, then questions about exactly that object: nothing can be swapped between.
  Status entry(int parent_fd, const std::string& name, const std::string& path, int depth) {
    const UniqueFd fd(::openat(parent_fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return system_error("opening " + printable(path), errno);
    struct stat info = {};
    if (::fstat(fd.get(), &info) < 0) return system_error("looking at " + printable(path), errno);
    if (S_ISDIR(info.st_mode)) return directory(parent_fd, name, path, depth);
    if (!S_ISREG(info.st_mode)) return refused(path, "neither a regular file nor a directory");
    return file(parent_fd, name, path);
  }

  Status file(int parent_fd, const std::string& name, const std::string& path) {
    // The worker may have left it without any read permission: root reads it all the same.
    const UniqueFd fd(
        ::openat(parent_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return system_error("opening " + printable(path), errno);
    struct stat info = {};
    if (::fstat(fd.get(), &info) < 0) return system_error("looking at " + printable(path), errno);
    if (!S_ISREG(info.st_mode)) return refused(path, "not a regular file any more");
    if (info.st_nlink != 1) return refused(path, "a file with several links");
    const mode_t mode = (info.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
    if (auto taken = own(fd.get(), mode, path); !taken) return taken;
    ++count_.files;
    count_.bytes += static_cast<std::uint64_t>(info.st_size);
    return {};
  }

  Status directory(int parent_fd, const std::string& name, const std::string& path, int depth) {
    if (depth > kDepthLimit) return refused(path, "nested too deep");
    const UniqueFd fd(::openat(parent_fd, name.c_str(), kOpenDirectory));
    if (!fd) return system_error("opening " + printable(path), errno);
    // Ours first: from here on nobody else changes what it holds.
    if (auto taken = own(fd.get(), 0755, path); !taken) return taken;
    return for_each_name(fd.get(), [&](const std::string& child) {
      return entry(fd.get(), child, path + "/" + child, depth + 1);
    });
  }

  static Status own(int fd, mode_t mode, const std::string& path) {
    if (::fchown(fd, 0, 0) < 0) return system_error("taking " + printable(path), errno);
    if (::fchmod(fd, mode) < 0) return system_error("taking " + printable(path), errno);
    return {};
  }

  TreeCount count_;
};

Status remove_below(int parent_fd, const std::string& name, int depth) {
  if (depth > kDepthLimit * 4) return refused(name, "nested too deep");
  {
    UniqueFd fd(::openat(parent_fd, name.c_str(), kOpenDirectory));
    if (!fd && errno == EACCES) {
      if (::fchmodat(parent_fd, name.c_str(), 0700, 0) < 0) {
        return system_error("opening " + printable(name), errno);
      }
      fd = UniqueFd(::openat(parent_fd, name.c_str(), kOpenDirectory));
    }
    if (!fd) return system_error("opening " + printable(name), errno);
    auto emptied = for_each_name(fd.get(), [&](const std::string& child) -> Status {
      if (::unlinkat(fd.get(), child.c_str(), 0) == 0) return {};
      if (errno != EISDIR && errno != EPERM) {
        return system_error("removing " + printable(child), errno);
      }
      return remove_below(fd.get(), child, depth + 1);
    });
    if (!emptied) return emptied;
  }
  if (::unlinkat(parent_fd, name.c_str(), AT_REMOVEDIR) < 0) {
    return system_error("removing " + printable(name), errno);
  }
  return {};
}

}  // namespace

Result<TreeCount> take_over_tree(int parent_fd, const std::string& name) {
  return Takeover().run(parent_fd, name);
}

Status remove_tree(int parent_fd, const std::string& name) {
  if (::unlinkat(parent_fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return remove_below(parent_fd, name, 0);
}

}  // namespace klubster
