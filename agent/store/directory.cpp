// Walking and removing trees that somebody else made.
#include "store/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.h"

namespace klubster {

namespace {

// One descriptor a level: deeper directories are moved up before they are emptied.
constexpr int kMaxDepth = 32;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class Removal {
 public:
  explicit Removal(int top) : top_(top) {}

  // Empties `directory`; what lies too deep ends up below the top, for the next round.
  Status empty(int directory, int depth) {
    const auto names = entries_of(directory);
    if (!names) return names.error();
    for (const auto& name : *names) {
      if (auto gone = one(directory, name, depth); !gone) return gone;
    }
    return {};
  }
  const Removed& removed() const { return removed_; }

 private:
  Status one(int directory, const std::string& name, int depth) {
    struct stat status = {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error("looking at " + printable(name), errno);
    }
    if (!S_ISDIR(status.st_mode)) {
      if (::unlinkat(directory, name.c_str(), 0) != 0) {
        return system_error("removing " + printable(name), errno);
      }
      removed_.files += 1;
      removed_.bytes += static_cast<std::uint64_t>(status.st_size);
      return {};
    }
    if (depth >= kMaxDepth) {
      const std::string moved = "deep-" + std::to_string(++moved_);
      if (::renameat(directory, name.c_str(), top_, moved.c_str()) == 0) return {};
      return system_error("moving " + printable(name) + " up", errno);
    }
    // A directory without rights for its owner is no obstacle to CAP_DAC_OVERRIDE.
    const auto inside = open_directory(directory, name);
    if (!inside) return inside.error();
    if (auto emptied = empty(inside->get(), depth + 1); !emptied) return emptied;
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) {
      return system_error("removing " + printable(name), errno);
    }
    return {};
  }

  int top_;
  Removed removed_;
  std::uint64_t moved_ = 0;
};

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
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

Result<std::vector<std::string>> entries_of(int directory) {
  // A descriptor of its own: the position in a directory is shared by duplicates.
  const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> listing(own < 0 ? nullptr : ::fdopendir(own));
  if (listing == nullptr) return system_error("listing a directory", errno);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Removed> remove_tree(int parent, const std::string& name) {
  struct stat status = {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Removed{};
    return system_error("looking at " + printable(name), errno);
  }
  if (!S_ISDIR(status.st_mode)) {
    if (::unlinkat(parent, name.c_str(), 0) != 0) {
      return system_error("removing " + printable(name), errno);
    }
    return Removed{1, static_cast<std::uint64_t>(status.st_size)};
  }
  const auto top = open_directory(parent, name);
  if (!top) return top.error();
  Removal removal(top->get());
  while (true) {
    if (auto emptied = removal.empty(top->get(), 0); !emptied) return emptied.error();
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return removal.removed();
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return system_error("removing " + printable(name), errno);
    }
  }
}

}  // namespace klubster
