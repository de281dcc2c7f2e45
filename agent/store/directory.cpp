// Walking and removing trees that somebody else made.
#include "store/directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.h"

namespace klubster {

namespace {

// One descriptor a level: deeper directories are moved up before they are emptied.
constexpr int kMaxDepth = 32;
// Well below the number of descriptors that a process may have.
constexpr int kMeasuredDepth = 200;

void count(Removed& removed, const struct stat& status) {
  removed.files += 1;
  if (status.st_nlink == 1) removed.bytes += static_cast<std::uint64_t>(status.st_size);
}

Error other_mount(const std::string& name) {
  return Error(ErrorKind::kIo, "SystemCallFailed",
               "removing " + printable(name) + ": it lies on another mount");
}

class Removal {
 public:
  Removal(int top, std::uint64_t mount) : top_(top), mount_(mount) {}

  // Empties `directory` as far as possible; what lies too deep ends up below the top, for the next
  // round. Returns whether it removed or moved anything.
  bool empty(int directory, int depth) {
    const auto names = list_directory(directory);
    if (!names) return leave(names.error());
    bool moved = false;
    for (const auto& name : *names)
      moved = one(directory, name, depth) || moved;
    return moved;
  }
  bool leave(Error error) {
    if (!removed_.left) removed_.left = std::move(error);
    return false;
  }
  Removed& removed() { return removed_; }

 private:
  bool one(int directory, const std::string& name, int depth) {
    struct stat status = {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return leave(system_error("looking at " + printable(name), errno));
    }
    if (!S_ISDIR(status.st_mode)) {
      if (::unlinkat(directory, name.c_str(), 0) != 0) {
        return leave(system_error("removing " + printable(name), errno));
      }
      count(removed_, status);
      return true;
    }
    if (depth >= kMaxDepth) return move_up(directory, name);
    // A directory without rights for its owner is no obstacle to CAP_DAC_OVERRIDE.
    const auto inside = open_directory(directory, name);
    if (!inside) return leave(inside.error());
    const auto mount = mount_of(inside->get());
    if (!mount) return leave(mount.error());
    if (*mount != mount_) return leave(other_mount(name));
    const bool moved = empty(inside->get(), depth + 1);
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0) return true;
    // Not empty: why has been said, or what is left came up from below and is next.
    if (errno != ENOTEMPTY && errno != EEXIST) {
      leave(system_error("removing " + printable(name), errno));
    }
    return moved;
  }

  bool move_up(int directory, const std::string& name) {
    while (true) {
      const std::string moved = "deep-" + std::to_string(++moved_);
      if (::renameat2(directory, name.c_str(), top_, moved.c_str(), RENAME_NOREPLACE) == 0) {
        return true;
      }
      if (errno != EEXIST) return leave(system_error("moving " + printable(name) + " up", errno));
    }
  }

  int top_;
  std::uint64_t mount_;
  Removed removed_;
  std::uint64_t moved_ = 0;
};

void measure(int directory, int depth, Removed& found) {
  const auto names = list_directory(directory);
  if (!names) return;
  for (const auto& name : *names) {
    struct stat status = {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISDIR(status.st_mode)) {
      count(found, status);
    } else if (depth < kMeasuredDepth) {
      if (const auto inside = open_directory(directory, name)) {
        measure(inside->get(), depth + 1, found);
      }
    }
  }
}

}  // namespace

bool is_name_in_directory(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

Result<UniqueFd> open_directory(int parent, const std::string& name) {
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return system_error("opening the directory " + printable(name), errno);
  return fd;
}

Result<UniqueFd> open_or_make_directory(int parent, const std::string& name, unsigned mode) {
  if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
    return system_error("making the directory " + printable(name), errno);
  }
  return open_directory(parent, name);
}

Result<std::uint64_t> mount_of(int fd) {
  struct statx status = {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) {
    return system_error("looking for a mount", errno);
  }
  return status.stx_mnt_id;
}

Removed remove_tree(int parent, const std::string& name) {
  Removed removed;
  struct stat status = {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) removed.left = system_error("looking at " + printable(name), errno);
    return removed;
  }
  if (!S_ISDIR(status.st_mode)) {
    if (::unlinkat(parent, name.c_str(), 0) == 0) {
      count(removed, status);
    } else {
      removed.left = system_error("removing " + printable(name), errno);
    }
    return removed;
  }
  const auto mount = mount_of(parent);
  const auto top = open_directory(parent, name);
  const auto own = top ? mount_of(top->get()) : top.error();
  if (!mount || !own) {
    removed.left = mount ? own.error() : mount.error();
    return removed;
  }
  if (*own != *mount) {
    removed.left = other_mount(name);
    return removed;
  }
  Removal removal(top->get(), *mount);
  for (bool moved = true; moved;) {
    removal.removed().left.reset();  // it is still there for this round to say it
    moved = removal.empty(top->get(), 0);
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return removal.removed();
    if (errno != ENOTEMPTY && errno != EEXIST) break;
  }
  removal.leave(system_error("removing " + printable(name), errno));
  return removal.removed();
}

Removed measure_tree(int parent, const std::string& name) {
  Removed found;
  struct stat status = {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return found;
  if (!S_ISDIR(status.st_mode)) {
    count(found, status);
  } else if (const auto top = open_directory(parent, name)) {
    measure(top->get(), 0, found);
  }
  return found;
}

}  // namespace klubster
