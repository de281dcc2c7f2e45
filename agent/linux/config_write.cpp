// Everything goes through descriptors of directories opened without following links.
#include "linux/config_write.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/text.h"
#include "linux/config_root.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

namespace fs = std::filesystem;

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kCopyDepth = 2 * kConfigDepth;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kLook = std::chrono::milliseconds(20);

// "overlays/node=n1/secrets/X" and "secrets/X" are files of a secret.
bool is_secret_file(std::string_view key) {
  if (key.starts_with("overlays/")) {
    const auto slash = key.find('/', key.find('/') + 1);
    if (slash == std::string_view::npos) return false;
    key.remove_prefix(slash + 1);
  }
  const KeySpec* spec = find_key(key);
  return spec != nullptr && spec->secret;
}

Error not_a_tree(const std::string& what, const std::string& expected, const std::string& found) {
  return Error(ErrorKind::kInvalid, "BadValue", "expected " + expected + ", found " + found)
      .in(printable(what, 400));
}

Status check_key(const std::string& key) {
  for (const auto& part : split(key, '/')) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      return Error(
          ErrorKind::kInvalid, "BadValue",
          "expected a path below the root such as node/modes, found `" + printable(key, 120) + "`");
    }
  }
  return {};
}

Status sync(int fd, const std::string& what) {
  if (::fsync(fd) != 0) return system_error("syncing " + what, errno);
  return {};
}

// Opens the directory `name` in `parent`, which must be one and no link.
Result<UniqueFd> enter(int parent, const std::string& name, const std::string& shown) {
  UniqueFd fd(::openat(parent, name.c_str(), kDirectory));
  if (fd) return fd;
  if (errno == ENOTDIR) return not_a_tree(shown, "a directory", "a file");
  if (errno == ELOOP) return not_a_tree(shown, "a directory", "a symbolic link");
  return system_error("opening " + shown, errno);
}

// Copies bytes, owner and mode of one regular file, durably.
Status copy_file(int from, int to, const std::string& name, const std::string& key) {
  UniqueFd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!source || ::fstat(source.get(), &info) != 0) return system_error("reading " + key, errno);
  UniqueFd target(::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return system_error("copying " + key, errno);
  std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading " + key, errno);
    if (got == 0) break;
    auto written = write_all(target.get(), {buffer.data(), static_cast<std::size_t>(got)});
    if (!written) return std::move(written.error()).in("copying " + key);
  }
  // Only root can give a file away; for others it is theirs already.
  if (::fchown(target.get(), info.st_uid, info.st_gid) != 0 && errno != EPERM) {
    return system_error("copying " + key, errno);
  }
  const mode_t mode = is_secret_file(key) ? 0600 : info.st_mode & 0777;
  if (::fchmod(target.get(), mode) != 0) return system_error("copying " + key, errno);
  return sync(target.get(), "the copy of " + key);
}

Status copy_link(int from, int to, const std::string& name, const std::string& key) {
  std::array<char, PATH_MAX> target{};
  if (::readlinkat(from, name.c_str(), target.data(), target.size() - 1) < 0 ||
      ::symlinkat(target.data(), to, name.c_str()) != 0) {
    return system_error("copying " + key, errno);
  }
  return {};
}

// Copies what stands in the directory `from` to the new directory `to`, durably.
class TreeCopy {
 public:
  Status run(const UniqueFd& from, const UniqueFd& to, const std::string& key, std::size_t depth) {
    if (depth > kCopyDepth) return not_a_tree(key, "fewer directories inside one another", "more");
    const auto names = list_directory(from.get());
    if (!names) return names.error();
    for (const auto& name : *names) {
      std::string path = key;
      if (!path.empty()) path += '/';
      path += name;
      if (auto copied = copy_entry(from.get(), to.get(), name, path, depth); !copied) {
        return copied;
      }
    }
    struct stat info {};
    if (::fstat(from.get(), &info) != 0) return system_error("reading " + key, errno);
    const bool owned = ::fchown(to.get(), info.st_uid, info.st_gid) == 0 || errno == EPERM;
    if (!owned || ::fchmod(to.get(), info.st_mode & 07777) != 0) {
      return system_error("copying " + key, errno);
    }
    return sync(to.get(), "the copy of " + (key.empty() ? "the root" : key));
  }

 private:
  Status copy_entry(int from, int to, const std::string& name, const std::string& path,
                    std::size_t depth) {
    struct stat info {};
    if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error("reading " + path, errno);
    }
    if (S_ISLNK(info.st_mode)) return copy_link(from, to, name, path);
    if (S_ISREG(info.st_mode)) return copy_file(from, to, name, path);
    if (!S_ISDIR(info.st_mode)) {
      return not_a_tree(path, "files and directories only (remove it)", "something else");
    }
    const auto source = enter(from, name, path);
    if (!source) return source.error();
    if (::mkdirat(to, name.c_str(), 0700) != 0) return system_error("copying " + path, errno);
    const auto target = enter(to, name, path);
    if (!target) return target.error();
    return run(*source, *target, path, depth + 1);
  }
};

// Replaces the file `name` in `parent` by rename, durably.
Status put_file(int parent, const std::string& name, const TreeChange& change) {
  struct stat info {};
  if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) {
    return not_a_tree(change.key, "a file", "a directory");
  }
  const mode_t mode = change.secret || is_secret_file(change.key) ? 0600 : 0644;
  const std::string temporary = "." + name + ".new";
  (void)::unlinkat(parent, temporary.c_str(), 0);  // left over from a killed run, or not there
  UniqueFd fd(::openat(parent, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return system_error("writing " + change.key, errno);
  Status done = write_all(fd.get(), change.value->empty() ? "" : *change.value + "\n");
  if (done && ::fchmod(fd.get(), mode) != 0) done = system_error("setting the mode", errno);
  if (done) done = sync(fd.get(), name);
  if (done && ::renameat(parent, temporary.c_str(), parent, name.c_str()) != 0) {
    done = system_error("renaming", errno);
  }
  if (!done) {
    (void)::unlinkat(parent, temporary.c_str(), 0);  // the first error is the one that matters
    return std::move(done.error()).in("writing " + change.key);
  }
  return sync(parent, "the directory of " + change.key);
}

// The directories on the way to a key, the root first; each is made when `make` and not there.
Result<std::vector<UniqueFd>> walk(int root, const std::vector<std::string>& directories,
                                   const std::string& key, bool make) {
  const std::string what = "the directory of " + key;
  std::vector<UniqueFd> way;
  way.emplace_back(::fcntl(root, F_DUPFD_CLOEXEC, 3));
  if (!way.back()) return system_error("opening the root", errno);
  for (const auto& name : directories) {
    const int parent = way.back().get();
    if (make && ::mkdirat(parent, name.c_str(), 0755) == 0) {
      if (auto synced = sync(parent, what); !synced) return synced.error();
    } else if (make && errno != EEXIST) {
      return system_error("making " + what, errno);
    }
    auto fd = enter(parent, name, what);
    if (!fd) return fd.error();
    way.push_back(std::move(*fd));
  }
  return way;
}

// Removes the file and the directories that it leaves empty.
Status remove_entry(int root, const std::vector<std::string>& directories, const std::string& name,
                    const TreeChange& change) {
  struct stat info {};
  if (::fstatat(root, change.key.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 &&
      (errno == ENOENT || errno == ENOTDIR)) {
    return {};
  }
  const auto way = walk(root, directories, change.key, false);
  if (!way) return way.error();
  if (::unlinkat(way->back().get(), name.c_str(), 0) != 0) {
    if (errno == EISDIR) return not_a_tree(change.key, "a file", "a directory");
    return system_error("removing " + change.key, errno);
  }
  std::size_t kept = directories.size();
  while (kept > 0 &&
         ::unlinkat((*way)[kept - 1].get(), directories[kept - 1].c_str(), AT_REMOVEDIR) == 0) {
    --kept;
  }
  return sync((*way)[kept].get(), "the directory of " + change.key);
}

Status apply(int root, const TreeChange& change) {
  auto directories = split(change.key, '/');
  const std::string name = directories.back();
  directories.pop_back();
  if (!change.value) return remove_entry(root, directories, name, change);
  const auto way = walk(root, directories, change.key, true);
  return way ? put_file(way->back().get(), name, change) : Status(way.error());
}

// Where the tree lies: links are followed up to the root itself, whose parent holds the copy.
struct Place {
  std::string parent, name;
  std::string root() const { return parent + "/" + name; }
  std::string copy() const { return parent + "/." + name + ".new"; }
};

Result<Place> find_place(const std::string& root) {
  std::error_code failed;
  fs::path path = fs::canonical(root, failed);
  if (failed == std::errc::no_such_file_or_directory) {
    path = fs::absolute(root).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    fs::create_directories(path.parent_path(), failed);
    if (failed) return system_error("making " + path.parent_path().string(), failed.value());
    path = fs::canonical(path.parent_path(), failed) / path.filename();
  }
  if (failed) return system_error("opening " + root, failed.value());
  if (path == path.root_path()) return not_a_tree("/", "a directory for the tree", "the root");
  return Place{path.parent_path(), path.filename()};
}

// Held for the whole change. The lock is the parent directory's: the root itself is exchanged.
Result<UniqueFd> lock(const Place& place) {
  auto fd = open_file(place.parent, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.error();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return system_error("locking " + place.parent, errno);
    if (std::chrono::steady_clock::now() > until) {
      return Error(ErrorKind::kConflict, "AlreadyRunning",
                   "expected to be the only one who changes it, found another program that holds "
                   "its lock")
          .in(place.root())
          .hint("try again; fuser " + place.parent + " names the other program");
    }
    std::this_thread::sleep_for(kLook);
  }
  return fd;
}

Status fill_copy(const Place& place, const std::vector<TreeChange>& changes, bool is_new) {
  const std::string copy = place.copy();
  if (::mkdir(copy.c_str(), 0700) != 0) return system_error("making " + copy, errno);
  const auto to = open_file(copy, kDirectory);
  if (!to) return to.error();
  if (is_new) {
    if (::fchmod(to->get(), 0755) != 0) return system_error("making " + copy, errno);
  } else {
    const auto from = open_file(place.root(), kDirectory);
    if (!from) return from.error();
    if (auto copied = TreeCopy().run(*from, *to, "", 0); !copied) return copied;
  }
  for (const auto& change : changes) {
    if (auto applied = apply(to->get(), change); !applied) return applied;
  }
  return sync(to->get(), copy);
}

Status exchange(int parent, const Place& place, bool is_new) {
  const unsigned flags = is_new ? RENAME_NOREPLACE : RENAME_EXCHANGE;
  if (::renameat2(AT_FDCWD, place.copy().c_str(), AT_FDCWD, place.root().c_str(), flags) != 0) {
    const int why = errno;
    auto error = system_error("exchanging it with its changed copy", why);
    // A mount point, or an overlay file system whose lower layer holds the root.
    if (why == EBUSY || why == EXDEV || why == EINVAL) {
      return std::move(error).hint("this directory cannot be renamed: set the keys one by one");
    }
    return error;
  }
  return sync(parent, place.parent);
}

Status change_by_exchange(int parent, const Place& place, const std::vector<TreeChange>& changes) {
  const bool is_new = !exists(place.root());
  Status done = fill_copy(place, changes, is_new);
  if (done) done = exchange(parent, place, is_new);
  // The old tree now, or a copy that is of no use. The next run would remove it as well.
  std::error_code ignored;
  fs::remove_all(place.copy(), ignored);
  return done;
}

Status change_in_place(int parent, const Place& place, const TreeChange& change) {
  if (!change.value && !exists(place.root())) return {};
  if (::mkdir(place.root().c_str(), 0755) == 0) {
    if (auto synced = sync(parent, place.parent); !synced) return synced;
  } else if (errno != EEXIST) {
    return system_error("making it", errno);
  }
  const auto fd = open_file(place.root(), kDirectory);
  return fd ? apply(fd->get(), change) : Status(fd.error());
}

}  // namespace

Status change_tree(const std::string& root, const std::vector<TreeChange>& changes) {
  for (const auto& change : changes) {
    if (auto fits = check_key(change.key); !fits) return fits;
  }
  if (changes.empty()) return {};
  const auto place = find_place(root);
  if (!place) return place.error();
  const auto parent = lock(*place);
  if (!parent) return parent.error();
  std::error_code failed;
  fs::remove_all(place->copy(), failed);  // of a run that was killed
  if (failed) return system_error("removing " + place->copy(), failed.value());
  Status done = changes.size() == 1 ? change_in_place(parent->get(), *place, changes[0])
                                    : change_by_exchange(parent->get(), *place, changes);
  return std::move(done).in("changing " + place->root());
}

}  // namespace klubster
