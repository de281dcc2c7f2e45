// The files in the event log's directory: their names, opening them with suspicion, lines one by
// one.
//
// Errors here: kUntrusted, reason "LogDamaged", when a file is not what the log writes (a link, a
// directory, a FIFO, another user's, unreadable sectors): it is to be set aside. kUnavailable when
// it is absent. kIo when the machine fails us: nothing is said about the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/files.h"

namespace klubster {

inline constexpr const char* kLogSnapshot = "snapshot.json";
inline constexpr const char* kLogBase = "base.json";

// kUntrusted, reason "LogDamaged".
Error log_damaged(std::string why);

// "00000001.jsonl"
std::string log_segment_name(std::uint64_t number);
// The segments in the directory by their numbers, lowest first.
Result<std::vector<std::uint64_t>> log_segments(const std::string& directory);

// A regular file of the user who runs this. `flags` as of open(2); links are not followed, and
// nothing is waited for.
Result<UniqueFd> open_log_file(const std::string& path, int flags);
Result<std::string> read_log_file(const std::string& path, std::size_t limit_bytes);

// A line, without its newline.
struct LogLine {
  std::string_view text;  // valid until the next one is asked for
  std::uint64_t end = 0;  // offset of what follows it
  bool whole = true;      // it has a newline; only the last one has not
  bool too_long = false;  // more than kLineBytes; nothing follows
};

class LogLines {
 public:
  explicit LogLines(UniqueFd fd) : fd_(std::move(fd)) {}
  // nullopt at the end. kUntrusted when the disk gives bytes no more.
  Result<std::optional<LogLine>> next();

 private:
  UniqueFd fd_;
  std::string buffer_;
  std::size_t taken_ = 0;    // of the buffer
  std::size_t scanned_ = 0;  // of the buffer: no newline before
  std::uint64_t offset_ = 0;
  bool at_end_ = false;
};

// The format that the log's directory is written in; 1 when nothing says another one. kInvalid,
// reason "LogTooNew", for one that this klubster does not know.
Result<unsigned> read_log_format(const std::string& directory);
Status write_log_format(const std::string& directory, unsigned format);

// Renames to PATH.damaged-TIME, so that it is kept. One that is not there is fine.
Status set_log_file_aside(const std::string& path);

}  // namespace klubster
