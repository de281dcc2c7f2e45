// Walks a root of the config tree without ever opening what is not a regular file.
#include "linux/config_root.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/text.h"
#include "linux/files.h"
#include "linux/tree_file.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kEntries = 10'000;  // files and directories of one root
// Two changes within one tick of the file system's clock bear the same time: what is as young as
// that has to be read again to be compared. No file system's ticks are longer (vfat: two seconds).
constexpr std::int64_t kYoungSeconds = 2;

bool is_ignored(std::string_view name) {
  return name.starts_with(".") || name.starts_with("README") || name.ends_with("~") ||
         name.ends_with(".bak") || name.ends_with(".tmp");
}

// The key without its overlay: "overlays/node=n1/profile/url" is "profile/url".
std::string_view without_overlay(std::string_view key) {
  if (!key.starts_with("overlays/")) return key;
  const auto slash = key.find('/', std::strlen("overlays/"));
  return slash == std::string_view::npos ? "" : key.substr(slash + 1);
}

// Labels are left out: a prefix such as topology.kubernetes.io is a directory and could be a label.
bool must_be_file(std::string_view key) {
  const KeySpec* spec = find_key(key);
  return spec != nullptr && !key.starts_with("node/labels/");
}

std::string below(const std::string& key, const std::string& name) {
  return key.empty() ? name : key + "/" + name;
}

// Reads one root into a layer.
class Walker {
 public:
  explicit Walker(const ConfigRoot& root) : foreign_(root.foreign) {
    layer().layer = root.layer;
    layer().root = root.path;
  }

  RootReading run() {
    const int flags = foreign_ ? O_NOFOLLOW : 0;
    UniqueFd fd(
        ::open(layer().root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags));
    if (fd) {
      read_directory(std::move(fd), "");
    } else if (errno == ENOENT) {
      reading_.stamps.push_back({layer().root, {}});
    } else {
      problem("", errno == ENOTDIR ? "expected a directory, found something else"
                                   : "expected a readable directory, found: " +
                                         std::string(std::strerror(errno)));
    }
    return std::move(reading_);
  }

 private:
  TreeLayer& layer() { return reading_.layer; }

  std::string path_of(const std::string& key) {
    return key.empty() ? layer().root : layer().root + "/" + key;
  }

  void problem(const std::string& key, std::string message) {
    layer().problems.push_back({path_of(key), key, std::move(message), "ConfigInvalid"});
  }

  void problem(const std::string& key, const Error& error) {
    problem(key, error.message());
    if (error.reason() == "AccessDenied") layer().problems.back().reason = error.reason();
  }

  void read_directory(UniqueFd fd, const std::string& key) {
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return problem(key, cannot_read(errno));
    const std::pair identity(info.st_dev, info.st_ino);
    if (std::ranges::count(ancestors_, identity) != 0) {
      return problem(key, "expected a tree, found a link that leads back to a directory above it");
    }
    if (ancestors_.size() >= kConfigDepth) {
      return problem(key, "expected at most " + std::to_string(kConfigDepth) +
                              " directories inside one another, found more");
    }
    ancestors_.push_back(identity);
    reading_.stamps.push_back({path_of(key), info});
    for (const auto& [name, is_regular] : names_in(fd, key)) {
      if (is_ignored(name)) continue;
      if (++entries_ > kEntries) {
        if (entries_ == kEntries + 1) {
          problem("", "expected at most " + std::to_string(kEntries) + " entries, found more");
        }
        break;
      }
      read_entry(fd.get(), name, is_regular, below(key, name));
    }
    ancestors_.pop_back();
  }

  struct Name {
    std::string text;
    bool is_regular;  // the directory says so; false where it does not know, or it is a link
    auto operator<=>(const Name&) const = default;
  };

  // Sorted, so that messages come in the same order everywhere.
  std::vector<Name> names_in(const UniqueFd& fd, const std::string& key) {
    std::vector<Name> names;
    const UniqueDirectory entries = entries_of(fd.get());
    if (!entries) {
      problem(key, cannot_read(errno));
      return names;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..")
        names.push_back({std::string(name), entry->d_type == DT_REG});
      if (names.size() > kEntries) break;
      errno = 0;
    }
    if (errno != 0) problem(key, cannot_read(errno));
    std::ranges::sort(names);
    return names;
  }

  void read_entry(int parent, const std::string& name, bool is_regular, const std::string& key) {
    if (!is_utf8(name)) return problem(key, "expected a name in UTF-8, found other bytes");
    // What a directory of a medium says about its entries may be a lie.
    struct stat info {};
    if (foreign_ && ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
      return problem(key, "expected a file or a directory, found a symbolic link");
    }
    auto read = read_tree_file(parent, name, is_regular && !foreign_);
    if (S_ISDIR(read.info.st_mode)) {
      if (must_be_file(without_overlay(key))) {
        return problem(key, "expected a file, found a directory");
      }
      UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      return fd ? read_directory(std::move(fd), key)
                : problem(key, cannot_open(parent, name, errno));
    }
    if (!read.value) return problem(key, read.value.error());
    auto exposed = exposed_secret(without_overlay(key), read.info.st_mode);
    if (exposed && !foreign_) {
      problem(key, std::move(*exposed));
    }
    reading_.stamps.push_back({path_of(key), read.info});
    layer().files.push_back({key, std::move(*read.value), path_of(key)});
  }

  bool foreign_;
  RootReading reading_;
  std::size_t entries_ = 0;
  std::vector<std::pair<dev_t, ino_t>> ancestors_;  // of the directory being read
};

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mode == b.st_mode &&
         a.st_size == b.st_size && same_time(a.st_mtim, b.st_mtim) &&
         same_time(a.st_ctim, b.st_ctim);
}

}  // namespace

RootReading read_root(const ConfigRoot& root) {
  return Walker(root).run();
}

TreeLayer read_config_root(const ConfigRoot& root) {
  return read_root(root).layer;
}

bool RootReading::stands_still() const {
  if (!layer.problems.empty()) return false;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::ranges::all_of(stamps, [&](const FileStamp& stamp) {
    struct stat info {};
    if (::stat(stamp.path.c_str(), &info) != 0) return errno == ENOENT && stamp.info.st_ino == 0;
    return is_same(stamp.info, info) && info.st_ctim.tv_sec + kYoungSeconds < now.tv_sec;
  });
}

}  // namespace klubster
