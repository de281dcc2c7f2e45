// Sealing: another user's tree becomes root's, read-only by convention, and complete on disk.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "linux/package.h"
#include "store/directory.h"
#include "store/store.h"

namespace klubster {

namespace {

constexpr int kSealedDepth = 40;  // the unpacking policy allows 32
constexpr std::size_t kMaxAttributeBytes = 64 * 1024;
// Below staging/<name>: what unpack made, and what takes, then has, the place of a damaged profile.
constexpr const char* kTree = "tree";
constexpr const char* kExchanged = "exchanged";

Error refuse(const std::string& path, const std::string& why) {
  return Error(ErrorKind::kUntrusted, "ArchiveRefused", why).in(printable(path, 200));
}

// Takes everything below one directory over, by descriptors.
class Takeover {
 public:
  explicit Takeover(std::uint64_t mount) : mount_(mount) {}

  Status directory(int fd, const std::string& path, int depth) {
    if (depth > kSealedDepth) return refuse(path, "the tree is too deep");
    if (auto taken = take(fd, path, 0755); !taken) return taken;
    const auto names = list_directory(fd);
    if (!names) return names.error();
    for (const auto& name : *names) {
      std::string inner = path;
      if (!inner.empty()) inner += '/';
      inner += name;
      if (auto taken = member(fd, name, inner, depth); !taken) return taken;
    }
    return {};
  }
  const StoreReport& report() const { return report_; }

 private:
  Status member(int parent, const std::string& name, const std::string& path, int depth) {
    struct stat before = {};
    if (::fstatat(parent, name.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error("looking at " + printable(path), errno);
    }
    if (auto fits = check(before, path); !fits) return fits;
    const bool is_directory = S_ISDIR(before.st_mode);
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const UniqueFd fd(::openat(parent, name.c_str(), flags | (is_directory ? O_DIRECTORY : 0)));
    if (!fd) return system_error("opening " + printable(path), errno);
    // What was opened is what counts.
    struct stat now = {};
    if (::fstat(fd.get(), &now) != 0) return system_error("looking at " + printable(path), errno);
    if (now.st_ino != before.st_ino || now.st_dev != before.st_dev) {
      return refuse(path, "it changed while it was sealed");
    }
    if (auto fits = check(now, path); !fits) return fits;
    const auto mount = mount_of(fd.get());
    if (!mount) return Error(mount.error()).in(printable(path));
    if (*mount != mount_) return refuse(path, "it lies on another mount");
    if (is_directory) return directory(fd.get(), path, depth + 1);
    report_.files += 1;
    report_.bytes += static_cast<std::uint64_t>(now.st_size);
    return take(fd.get(), path, (now.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
  }

  static Status check(const struct stat& status, const std::string& path) {
    if (S_ISDIR(status.st_mode)) return {};
    if (!S_ISREG(status.st_mode)) return refuse(path, "it is neither a file nor a directory");
    if (status.st_nlink != 1) return refuse(path, "it has another name elsewhere");
    return {};
  }

  // Owner first: changing it clears setuid bits and file capabilities.
  static Status take(int fd, const std::string& path, mode_t mode) {
    if (::fchown(fd, 0, 0) != 0) return system_error("taking over " + printable(path), errno);
    if (auto bare = remove_attributes(fd, path); !bare) return bare;
    if (::fchmod(fd, mode) != 0) return system_error("setting mode of " + printable(path), errno);
    return {};
  }

  // Access control lists would give rights that the mode does not show. Labels of a security module
  // are the machine's own.
  static Status remove_attributes(int fd, const std::string& path) {
    std::string names(kMaxAttributeBytes, '\0');
    const ssize_t length = ::flistxattr(fd, names.data(), names.size());
    if (length < 0) {
      if (errno == ENOTSUP) return {};
      return system_error("listing attributes of " + printable(path), errno);
    }
    names.resize(static_cast<std::size_t>(length));
    for (const auto& name : split(names, '\0')) {
      if (name.empty() || name.starts_with("security.") || name.starts_with("trusted.")) continue;
      if (::fremovexattr(fd, name.c_str()) != 0 && errno != ENODATA) {
        return system_error("removing " + printable(name) + " of " + printable(path), errno);
      }
    }
    return {};
  }

  std::uint64_t mount_;
  StoreReport report_;
};

struct Places {
  UniqueFd staging, profiles, own;  // own: staging/<name>
};

Result<Places> open_places(const std::string& state_dir, const std::string& name) {
  const auto state = open_file(state_dir, O_RDONLY | O_DIRECTORY);
  if (!state) return state.error();
  auto staging = open_directory(state->get(), "staging");
  if (!staging) return staging.error();
  auto profiles = open_or_make_directory(state->get(), "profiles", 0755);
  if (!profiles) return profiles.error();
  Places places;
  places.own = UniqueFd(
      ::openat(staging->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!places.own && errno != ENOENT) return system_error("opening the staging", errno);
  places.staging = std::move(*staging);
  places.profiles = std::move(*profiles);
  return places;
}

Result<StoreReport> take_over(const Places& places) {
  if (!places.own) return system_error("opening the staging", ENOENT);
  const auto tree = open_directory(places.own.get(), kTree);
  if (!tree) return tree.error();
  const auto mount = mount_of(tree->get());
  if (!mount) return mount.error();
  Takeover takeover(*mount);
  if (auto taken = takeover.directory(tree->get(), "", 0); !taken) return taken.error();
  // One for all: an fsync for each of 20,000 files takes seconds (trust-facts 3.3, rule 7).
  if (::syncfs(tree->get()) != 0) return system_error("syncing the staging", errno);
  return takeover.report();
}

// What lies there under that name is exchanged, and goes away with the staging. It does not end up
// under the name of a staged tree: the next try would take it for one.
Status publish(const Places& places, const std::string& sha256, bool instead) {
  const int own = places.own.get(), profiles = places.profiles.get();
  if (instead && ::renameat(own, kTree, own, kExchanged) != 0) {
    return system_error("publishing the profile", errno);
  }
  const char* name = instead ? kExchanged : kTree;
  const unsigned how = instead ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(own, name, profiles, sha256.c_str(), how) != 0) {
    return system_error("publishing the profile", errno);
  }
  if (::fsync(profiles) != 0) return system_error("syncing profiles", errno);
  return {};
}

Result<bool> is_there(int directory, const std::string& name) {
  struct stat status = {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return system_error("looking at " + name, errno);
}

struct Found {
  bool sealed = false, staged = false, exchanged = false;
};

Result<Found> look(const Places& places, const std::string& sha256) {
  const auto sealed = is_there(places.profiles.get(), sha256);
  if (!sealed) return sealed.error();
  if (!places.own) return Found{*sealed, false, false};
  const auto staged = is_there(places.own.get(), kTree);
  if (!staged) return staged.error();
  const auto exchanged = is_there(places.own.get(), kExchanged);
  if (!exchanged) return exchanged.error();
  return Found{*sealed, *staged, *exchanged};
}

// Whether the sealed profile holds what the staged tree holds. Its owners and modes are set right
// on the way.
bool is_whole(const Places& places, const std::string& state_dir, const StoreRequest& request) {
  const auto sealed = open_directory(places.profiles.get(), request.sha256);
  const auto mount = sealed ? mount_of(sealed->get()) : sealed.error();
  if (!mount || !Takeover(*mount).directory(sealed->get(), "", 0)) return false;
  // Larger limits than anybody configures: both were within the real ones.
  const PackageLimits any{UINT32_MAX, INT64_MAX, INT64_MAX, UINT32_MAX};
  const auto has = list_package_directory(state_dir + "/profiles/" + request.sha256, any);
  const auto promised =
      list_package_directory(state_dir + "/staging/" + request.staging + "/" + kTree, any);
  return has && promised && *has == *promised;
}

}  // namespace

Result<StoreReport> seal(const std::string& state_dir, const StoreRequest& request) {
  const auto places = open_places(state_dir, request.staging);
  if (!places) return places.error();
  Result<StoreReport> report = StoreReport{};
  const auto found = look(*places, request.sha256);
  if (!found) return Error(found.error()).in("sealing " + request.staging);
  const bool there = found->sealed, staged = found->staged;
  if (!staged && found->exchanged) {
    report = Error(ErrorKind::kIo, "SystemCallFailed",
                   "it was cut off while it was exchanged: the package is unpacked again")
                 .in("sealing " + request.staging);
  } else if (!there || staged) {  // else a crash came between rename and report
    report = take_over(*places).in("sealing " + request.staging);
  }
  // Steps may run from what is there: it stays unless it is damaged.
  const bool needed = report && (!there || (staged && !is_whole(*places, state_dir, request)));
  if (needed) {
    if (auto published = publish(*places, request.sha256, there); !published) {
      report = std::move(published.error()).in("sealing " + request.staging);
    }
  }
  const auto removed = remove_tree(places->staging.get(), request.staging);
  if (report && removed.left) return *removed.left;
  return report;
}

}  // namespace klubster
