// Everything in the directory may have been damaged, or put there by mistake.
#include "linux/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/digest.h"
#include "base/text.h"
#include "linux/event_loop.h"
#include "model/event_line.h"

namespace klubster {

namespace {

constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kNumberDigits = 8;
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kFormatBytes = 4096;
// A disk that says EIO once may have been disturbed; one that goes on is broken there.
constexpr int kReadAttempts = 3;

Error damaged(const std::string& path, std::string why) {
  return log_damaged(std::move(why)).in(path);
}

std::string describe(int error_number) {
  return system_error("reading", error_number).message();
}

// What a failed open(2) says about the file.
Error cannot_open(const std::string& path, int error_number) {
  switch (error_number) {
    case ENOENT:
      return Error(ErrorKind::kUnavailable, "LogDamaged", "it is missing").in(path);
    case ELOOP:
      return damaged(path, "expected a regular file, found a link");
    case EACCES:
    case EPERM:
      return damaged(path, "expected a file of this user's own");
    case EISDIR:
    case ENXIO:
    case ENODEV:
      return damaged(path, "expected a regular file");
    case EIO:
      return damaged(path, describe(EIO));
    default:
      return system_error("opening " + path, error_number);
  }
}

ssize_t read_some(int fd, char* into, std::size_t size) {
  for (int attempt = 1;;) {
    const ssize_t got = ::read(fd, into, size);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if (errno != EIO || attempt++ == kReadAttempts) return -1;
  }
}

// "2 5f3c…": the number and the digest that stands before a log of this format, so that no flipped
// bit makes a newer format of a known one.
std::string format_text(unsigned format) {
  return std::to_string(format) + " " + log_genesis(format) + "\n";
}

}  // namespace

Error log_damaged(std::string why) {
  return {ErrorKind::kUntrusted, "LogDamaged", std::move(why)};
}

std::string log_segment_name(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.jsonl", static_cast<unsigned long long>(number));
  return name;
}

Result<std::vector<std::uint64_t>> log_segments(const std::string& directory) {
  auto names = list_directory(directory);
  if (!names) return names.error();
  std::vector<std::uint64_t> numbers;
  for (const auto& name : *names) {
    if (name.size() != kNumberDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    const auto first = std::min(name.find_first_not_of('0'), kNumberDigits - 1);
    const auto number = parse_number(std::string_view(name).substr(first, kNumberDigits - first));
    if (number) numbers.push_back(*number);
  }
  return numbers;  // sorted as their names are
}

Result<UniqueFd> open_log_file(const std::string& path, int flags) {
  // O_NONBLOCK: opening a FIFO must not wait for whoever is at its other end.
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  UniqueFd fd(::open(path.c_str(), flags | kAlways, 0600));
  for (int attempt = 1; !fd && errno == EIO && attempt < kReadAttempts; ++attempt)
    fd = UniqueFd(::open(path.c_str(), flags | kAlways, 0600));
  if (!fd) return cannot_open(path, errno);
  struct stat info = {};
  if (::fstat(fd.get(), &info) < 0) return system_error("reading " + path, errno);
  if (!S_ISREG(info.st_mode)) return damaged(path, "expected a regular file");
  if (info.st_uid != ::geteuid()) {
    return damaged(path, "expected a file of this user's own, found one of uid " +
                             std::to_string(info.st_uid));
  }
  return fd;
}

Result<std::string> read_log_file(const std::string& path, std::size_t limit_bytes) {
  auto fd = open_log_file(path, O_RDONLY);
  if (!fd) return fd.error();
  std::string bytes;
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    const ssize_t got = read_some(fd->get(), chunk.data(), chunk.size());
    if (got < 0) return damaged(path, describe(errno));
    if (got == 0) return bytes;
    bytes.append(chunk.data(), static_cast<std::size_t>(got));
    if (bytes.size() > limit_bytes) {
      return damaged(path, "expected at most " + std::to_string(limit_bytes) + " bytes");
    }
  }
}

Result<std::optional<LogLine>> LogLines::next() {
  buffer_.erase(0, taken_);
  scanned_ -= std::min(scanned_, taken_);
  taken_ = 0;
  while (true) {
    const auto newline = buffer_.find('\n', scanned_);
    if (newline != std::string::npos && newline <= kLineBytes) {
      taken_ = newline + 1;
      scanned_ = taken_;
      offset_ += taken_;
      return LogLine{std::string_view(buffer_).substr(0, newline), offset_};
    }
    scanned_ = buffer_.size();
    const bool too_long = buffer_.size() > kLineBytes;
    if (too_long || at_end_) {
      if (buffer_.empty()) return std::optional<LogLine>();
      taken_ = buffer_.size();
      offset_ += taken_;
      at_end_ = true;
      return LogLine{buffer_, offset_, false, too_long};
    }
    const std::size_t had = buffer_.size();
    buffer_.resize(had + kChunkBytes);
    const ssize_t got = read_some(fd_.get(), buffer_.data() + had, kChunkBytes);
    const int error_number = errno;
    buffer_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0) return log_damaged(describe(error_number));
    at_end_ = got == 0;
  }
}

Result<unsigned> read_log_format(const std::string& directory) {
  const std::string path = directory + "/format";
  auto text = read_log_file(path, kFormatBytes);
  if (!text && text.error().kind() == ErrorKind::kIo) return text.error();
  if (!text) return 1;  // the lines say better
  // A bare number is what a person writes, or a later klubster that proves it in another way.
  const auto number = parse_number(trim(split(*text, ' ').front()), UINT16_MAX);
  if (!number || *number == 0) return 1;
  const auto format = static_cast<unsigned>(*number);
  const bool bare = trim(*text).find(' ') == std::string_view::npos;
  if (!bare && *text != format_text(format)) return 1;
  if (format > kNewestLogFormat) {
    return Error(ErrorKind::kInvalid, "LogTooNew",
                 "expected at most format " + std::to_string(kNewestLogFormat) + ", found " +
                     std::to_string(format))
        .in(path);
  }
  return format;
}

Status write_log_format(const std::string& directory, unsigned format) {
  const auto old = open_log_file(directory + "/format", O_RDONLY);
  if (!old && old.error().kind() == ErrorKind::kUntrusted) {
    if (auto moved = set_log_file_aside(directory + "/format"); !moved) return moved;
  }
  return write_file_durably(directory + "/format", format_text(format), 0600);
}

Status set_log_file_aside(const std::string& path) {
  const std::string aside = path + ".damaged-" + std::to_string(now_wall_usec());
  if (::rename(path.c_str(), aside.c_str()) == 0) {
    return sync_directory(path.substr(0, path.rfind('/')));
  }
  if (errno == ENOENT) return {};
  return system_error("setting " + path + " aside", errno);
}

}  // namespace klubster
