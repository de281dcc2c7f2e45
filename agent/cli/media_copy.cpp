// Copying through descriptors.
#include "cli/media_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

Error changed(const MediaBlob& blob) {
  return Error(ErrorKind::kInvalid, "MediaRefused",
               "expected a regular file of " + std::to_string(blob.bytes) +
                   " bytes, found something else")
      .in(printable(blob.path, 400));
}

}  // namespace

Status copy_blob(const MediaBlob& blob, const std::string& to, mode_t mode, bool foreign) {
  const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (foreign ? O_NOFOLLOW : 0);
  const auto from = open_file(blob.path, flags);
  if (!from) return from.error();
  struct stat info {};
  if (::fstat(from->get(), &info) != 0) return system_error("reading " + blob.path, errno);
  if (!S_ISREG(info.st_mode)) return changed(blob);
  const auto target = open_file(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!target) return target.error();
  std::array<char, 256 * 1024> buffer;
  std::uint64_t left = blob.bytes;
  while (true) {
    const ssize_t got = ::read(from->get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("reading " + blob.path, errno);
    if (got == 0) break;
    const auto size = static_cast<std::size_t>(got);
    if (size > left) return changed(blob);
    left -= size;
    if (auto put = write_all(target->get(), {buffer.data(), size}); !put) {
      return std::move(put.error()).in("writing " + to);
    }
  }
  if (left != 0) return changed(blob);
  if (::fchmod(target->get(), mode) != 0 || ::fsync(target->get()) != 0) {
    return system_error("syncing " + to, errno);
  }
  return {};
}

}  // namespace klubster
