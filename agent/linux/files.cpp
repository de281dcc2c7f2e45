// Files, by system calls: the standard library cannot say what became durable.
#include "linux/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace klubster {

namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Reads from the present position to the end.
Result<std::string> read_all(int fd, std::size_t limit_bytes) {
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading", errno);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() > limit_bytes) {
      return Error(ErrorKind::kInvalid, "TooLarge",
                   "expected at most " + std::to_string(limit_bytes) + " bytes, found more");
    }
  }
}

Result<std::vector<std::string>> names_of(const UniqueDirectory& entries,
                                          const std::string& shown) {
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr && errno != 0) return system_error("listing " + shown, errno);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Writes a temporary file beside `path` and renames it; the caller decides about syncing.
Status replace_file(const std::string& path, std::string_view bytes, mode_t mode, bool durably) {
  const std::string temporary = path + ".tmp";
  (void)::unlink(temporary.c_str());  // left over from a crash, or not there
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!fd) return std::move(fd.error()).in("writing " + path);
  if (::fchmod(fd->get(), mode) < 0) return system_error("writing " + path, errno);
  if (auto written = write_all(fd->get(), bytes); !written) {
    (void)::unlink(temporary.c_str());  // the first error is the one that matters
    return std::move(written.error()).in("writing " + path);
  }
  if (durably && ::fsync(fd->get()) < 0) return system_error("syncing " + temporary, errno);
  if (::rename(temporary.c_str(), path.c_str()) < 0) return system_error("renaming " + path, errno);
  if (durably) return sync_directory(parent_of(path));
  return {};
}

}  // namespace

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return system_error("opening " + path, errno);
  return fd;
}

Result<UniqueFd> open_regular(const std::string& path, int flags, mode_t mode) {
  auto fd = open_file(path, flags | O_NONBLOCK | O_NOCTTY, mode);
  if (!fd) return fd;
  struct stat info = {};
  if (::fstat(fd->get(), &info) < 0) return system_error("opening " + path, errno);
  if (S_ISREG(info.st_mode)) return fd;
  return Error(ErrorKind::kIo, "SystemCallFailed", "expected a regular file").in(path);
}

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return fd.error();
  struct stat info = {};
  if (::fstat(fd->get(), &info) < 0) return system_error("reading " + path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorKind::kInvalid, "BadValue", "expected a regular file").in(path);
  }
  return read_all(fd->get(), limit_bytes).in(path);
}

Result<std::string> read_descriptor(int fd, std::size_t limit_bytes) {
  if (::lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE) return system_error("reading", errno);
  return read_all(fd, limit_bytes);
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("writing", errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

bool has_writer(int fd) {
  // The lease is given back at once: a holder is sent a signal when somebody opens the file.
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN;
  (void)::fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

Status write_file_durably(const std::string& path, std::string_view bytes, mode_t mode) {
  return replace_file(path, bytes, mode, true);
}

Status write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  return replace_file(path, bytes, mode, false);
}

Status make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) {
    return system_error("making directory " + path, errno);
  }
  struct stat info = {};
  if (::lstat(path.c_str(), &info) < 0) return system_error("making directory " + path, errno);
  if (!S_ISDIR(info.st_mode)) {
    return Error(ErrorKind::kIo, "SystemCallFailed", "expected a directory").in(path);
  }
  if ((info.st_mode & 07777) == mode) return {};
  if (::chmod(path.c_str(), mode) < 0) return system_error("setting the mode of " + path, errno);
  return {};
}

Status sync_directory(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.error();
  if (::fsync(fd->get()) < 0) return system_error("syncing " + path, errno);
  return {};
}

Status rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) < 0) return system_error("renaming to " + to, errno);
  return sync_directory(parent_of(to));
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return system_error("removing " + path, errno);
  return {};
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

UniqueDirectory entries_of(int directory) {
  UniqueFd own(::fcntl(directory, F_DUPFD_CLOEXEC, 3));
  UniqueDirectory entries(own ? ::fdopendir(own.get()) : nullptr);
  if (entries == nullptr) return entries;
  (void)own.release();         // closed with the entries
  ::rewinddir(entries.get());  // duplicates share one position
  return entries;
}

Result<std::vector<std::string>> list_directory(int directory) {
  const UniqueDirectory entries = entries_of(directory);
  if (entries == nullptr) return system_error("listing a directory", errno);
  return names_of(entries, "a directory");
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const UniqueDirectory entries(::opendir(path.c_str()));
  if (entries == nullptr) return system_error("listing " + path, errno);
  return names_of(entries, path);
}

Result<UniqueFd> make_sealed_memory(std::string_view bytes) {
  UniqueFd fd(::memfd_create("klubster", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return system_error("making sealed memory", errno);
  if (auto written = write_all(fd.get(), bytes); !written) return written.error();
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) < 0) return system_error("sealing memory", errno);
  return fd;
}

Result<std::string> read_sealed_memory(int fd, std::size_t limit_bytes) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) {
    return Error(ErrorKind::kUntrusted, "BadValue", "expected a sealed memory descriptor");
  }
  // Sealed memory can be read by anybody who was handed it, also at a shared offset: use pread.
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::pread(fd, buffer, sizeof buffer, static_cast<off_t>(bytes.size()));
    if (got < 0) return system_error("reading sealed memory", errno);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
    if (bytes.size() > limit_bytes) {
      return Error(ErrorKind::kUntrusted, "TooLarge", "sealed memory is larger than expected");
    }
  }
}

}  // namespace klubster
