// Files: descriptors that close themselves, bounded reading, durable writing, sealed memory.
#pragma once

#include <dirent.h>
#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace klubster {

// Owns a file descriptor. Closing cannot report an error: fsync() first when data matters.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);  // the old descriptor closes with `other`
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  // For a C library that closes it itself.
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC. Errors: kIo, "opening PATH: …".
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0);

// The same for what must be a regular file: opening a FIFO or a device does not wait for somebody,
// it is refused (kIo).
Result<UniqueFd> open_regular(const std::string& path, int flags, mode_t mode = 0);

// The whole of a regular file, links followed. Never blocks on a FIFO or device: anything that is
// not a regular file is kInvalid, as is one of more than `limit_bytes`. Absent or unreadable: kIo.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes);
// From the descriptor's start to its end; more than `limit_bytes` is kInvalid.
Result<std::string> read_descriptor(int fd, std::size_t limit_bytes);
Status write_all(int fd, std::string_view bytes);
// Whether anybody has this file open for writing, in whatever process and however it got there.
// `fd` is read-only and the file this user's own (fcntl(2), leases). On a file system without
// leases the answer is no.
bool has_writer(int fd);

// Replaces `path` so that a power cut leaves the old or the new content: temporary file in the same
// directory, fsync, rename, fsync of the directory (library-facts 5.7).
Status write_file_durably(const std::string& path, std::string_view bytes, mode_t mode);
// Without the syncs, for what does not outlive a reboot anyway.
Status write_file(const std::string& path, std::string_view bytes, mode_t mode);

// Makes the directory with exactly this mode; one that is there gets the mode.
Status make_directory(const std::string& path, mode_t mode);
// The directory that `path` stands in: "/a" of "/a/b", "/" of "/a", "." of "a".
std::string parent_of(const std::string& path);
Status sync_directory(const std::string& path);
Status rename_durably(const std::string& from, const std::string& to);
// Removes a file; one that is not there is fine.
Status remove_file(const std::string& path);
bool exists(const std::string& path);

// Names in a directory, sorted, without "." and "..". kIo.
Result<std::vector<std::string>> list_directory(const std::string& path);
// The same of an open one, whatever was read of it before.
Result<std::vector<std::string>> list_directory(int directory);
struct CloseDirectory {
  void operator()(DIR* entries) const { ::closedir(entries); }
};
using UniqueDirectory = std::unique_ptr<DIR, CloseDirectory>;
// The entries of an open directory for readdir(3), from the first one on; the descriptor stays
// open. Null, with errno, when they cannot be had.
UniqueDirectory entries_of(int directory);

// A memfd with this content that nobody can change any more: how secrets cross D-Bus.
Result<UniqueFd> make_sealed_memory(std::string_view bytes);
// Its content; kUntrusted when the descriptor is not sealed or larger than `limit_bytes`.
Result<std::string> read_sealed_memory(int fd, std::size_t limit_bytes);

}  // namespace klubster
