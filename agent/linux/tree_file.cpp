// Opening what may be anything.
#include "linux/tree_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "linux/files.h"
#include "model/tree.h"

namespace klubster {

namespace {

Error refused(std::string message) {
  return {ErrorKind::kInvalid, "BadValue", std::move(message)};
}

std::string_view kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

Error not_regular(mode_t mode) {
  return refused("expected a regular file, found " + std::string(kind_of(mode)));
}

// One byte more than a value may have is enough to know that it is too large. A file that ends
// where it said needs no second look.
Result<std::string> read_bytes(int fd, off_t expected) {
  std::string bytes;
  std::array<char, 4096> buffer;
  while (bytes.size() <= kTreeValueBytes) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refused(cannot_read(errno));
    if (got == 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    const bool filled = static_cast<std::size_t>(got) == buffer.size();
    if (!filled && bytes.size() == static_cast<std::size_t>(expected)) break;
  }
  return bytes;
}

}  // namespace

std::string cannot_read(int error_number) {
  if (error_number == ELOOP) return "expected a file, found a loop of symbolic links";
  if (error_number == ENOENT) return "expected a file, found a symbolic link to nothing";
  return "expected a readable file, found: " + std::string(std::strerror(error_number));
}

std::string mode_text(mode_t mode) {
  std::array<char, 8> digits{};
  std::snprintf(digits.data(), digits.size(), "%04o", mode & 07777);
  return digits.data();
}

Error cannot_open(int parent, const std::string& name, int error_number) {
  struct stat info {};
  if (error_number != EACCES) return refused(cannot_read(error_number));
  if (::geteuid() != 0) return {ErrorKind::kInvalid, "AccessDenied", cannot_read(EACCES)};
  // Root with all its rights reads everything, so that only the daemon would notice.
  if (::fstatat(parent, name.c_str(), &info, 0) != 0 || info.st_uid == 0) {
    return refused(cannot_read(EACCES));
  }
  return refused("expected what klubsterd may read, found mode " + mode_text(info.st_mode) +
                 " of uid " + std::to_string(info.st_uid) + " (mend with: chown root)");
}

ReadValue read_tree_file(int parent, const std::string& name, bool is_regular) {
  // Asked before opening: opening a device can have effects.
  struct stat info {};
  if (!is_regular && ::fstatat(parent, name.c_str(), &info, 0) != 0) {
    return {refused(cannot_read(errno)), {}};
  }
  if (!is_regular && !S_ISREG(info.st_mode)) return {not_regular(info.st_mode), info};
  const UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {cannot_open(parent, name, errno), info};
  if (::fstat(fd.get(), &info) != 0) return {refused(cannot_read(errno)), {}};
  if (!S_ISREG(info.st_mode)) return {not_regular(info.st_mode), info};
  auto bytes = read_bytes(fd.get(), info.st_size);
  if (!bytes) return {bytes.error(), info};
  return {tree_value(std::move(*bytes)), info};
}

}  // namespace klubster
