// Appending to and reading the event log (state-recovery.md).
#include "linux/event_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "linux/event_loop.h"

namespace klubster {

namespace {

constexpr std::size_t kSegmentBytes = 8 * 1024 * 1024;
constexpr std::size_t kSegmentReadLimit = 2 * kSegmentBytes;
constexpr std::string_view kSuffix = ".jsonl";
// The hash "before" the first line names the format: a log of another one is refused.
constexpr std::string_view kFormat = "klubster-log-1";
constexpr int kNewestKnownName = 99;

// Whether this is what a later klubster's log begins with ("klubster-log-2", …).
bool is_newer_format(std::string_view prev_hash) {
  for (int format = 2; format <= kNewestKnownName; ++format) {
    if (prev_hash == sha256_hex("klubster-log-" + std::to_string(format))) return true;
  }
  return false;
}

std::string segment_name(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%08llu.jsonl", static_cast<unsigned long long>(number));
  return name;
}

std::vector<std::string> segments_of(const std::vector<std::string>& names) {
  std::vector<std::string> segments;
  for (const auto& name : names) {
    const bool named = name.size() == 8 + kSuffix.size() && name.ends_with(kSuffix);
    if (named && name.find_first_not_of("0123456789") == 8) segments.push_back(name);
  }
  return segments;
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& directory, std::string boot_id,
                                const std::function<void(const Event&)>& each) {
  EventLog log;
  log.directory_ = directory;
  log.boot_id_ = std::move(boot_id);
  log.last_hash_ = sha256_hex(kFormat);
  if (auto made = make_directory(directory, 0700); !made) return made.error();
  // A lock file of its own: segments come and go.
  auto lock = open_file(directory + "/lock", O_RDWR | O_CREAT, 0600);
  if (!lock) return lock.error();
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return system_error("locking " + directory, errno);
    return Error(ErrorKind::kConflict, "AlreadyRunning", "another process writes to it")
        .in("event log " + directory);
  }
  log.lock_ = std::move(*lock);

  auto names = list_directory(directory);
  if (!names) return names.error();
  for (const auto& name : segments_of(*names)) {
    log.segment_number_ = *parse_number(
        name.substr(name.find_first_not_of('0', 0), 8 - name.find_first_not_of('0', 0)));
    if (!log.damage_.empty()) {  // nothing after damage can be believed
      if (auto moved = log.set_aside(name, "", ""); !moved) return moved.error();
      continue;
    }
    if (auto read = log.read_segment(name, each); !read) return read.error();
  }
  if (auto started = log.start_segment(); !started) return started.error();
  return log;
}

Status EventLog::read_segment(const std::string& name,
                              const std::function<void(const Event&)>& each) {
  const std::string path = directory_ + "/" + name;
  auto bytes = read_file(path, kSegmentReadLimit);
  if (!bytes) return bytes.error();
  std::string_view rest = *bytes;
  while (!rest.empty()) {
    const std::size_t at = bytes->size() - rest.size();
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      // A power cut in the middle of an append, which therefore was never acknowledged.
      log_warning("event log: dropped a torn last line of " + std::to_string(rest.size()) +
                  " bytes in " + name);
      if (::truncate(path.c_str(), static_cast<off_t>(at)) < 0) {
        return system_error("cutting " + path, errno);
      }
      return {};
    }
    const std::string_view line = rest.substr(0, end);
    auto parsed = parse_event(line);
    std::string why;
    if (!parsed) {
      why = parsed.error().message();
    } else if (parsed->prev_hash != last_hash_) {
      why = last_seq_ == 0 ? "it does not begin with " + std::string(kFormat)
                           : "it does not follow the line before";
    } else if (parsed->event.seq != last_seq_ + 1) {
      why = "its number is " + std::to_string(parsed->event.seq) + " instead of " +
            std::to_string(last_seq_ + 1);
    }
    if (parsed && last_seq_ == 0 && is_newer_format(parsed->prev_hash)) {
      return Error(ErrorKind::kInvalid, "LogTooNew", "it was written by a newer klubster").in(path);
    }
    if (!why.empty()) {
      const std::string where = name + ", event " + std::to_string(last_seq_ + 1);
      return set_aside(name, std::string_view(*bytes).substr(0, at), where + ": " + why);
    }
    last_hash_ = sha256_hex(line);
    last_seq_ = parsed->event.seq;
    each(parsed->event);
    rest.remove_prefix(end + 1);
  }
  return {};
}

// Keeps the damaged file, and puts the sound beginning of it in its place.
Status EventLog::set_aside(const std::string& name, std::string_view good, std::string why) {
  const std::string path = directory_ + "/" + name;
  if (!why.empty()) {
    damage_ = std::move(why);
    log_error(Error(ErrorKind::kIo, "LogDamaged", damage_).in("event log"));
  }
  const std::string aside = path + ".damaged-" + std::to_string(now_wall_usec());
  if (auto moved = rename_durably(path, aside); !moved) return moved;
  if (good.empty()) return {};
  return write_file_durably(path, good, 0600);
}

Status EventLog::start_segment() {
  if (segment_number_ == 0) segment_number_ = 1;
  const std::string path = directory_ + "/" + segment_name(segment_number_);
  auto fd = open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
  if (!fd) return fd.error();
  struct stat info = {};
  if (::fstat(fd->get(), &info) < 0) return system_error("opening " + path, errno);
  segment_ = std::move(*fd);
  segment_bytes_ = static_cast<std::size_t>(info.st_size);
  return sync_directory(directory_);
}

Status EventLog::append(std::vector<Event>& events) {
  if (failed_) {
    return Error(ErrorKind::kIo, "SystemCallFailed", "an earlier write was lost").in("event log");
  }
  if (segment_bytes_ > kSegmentBytes) {
    ++segment_number_;
    if (auto started = start_segment(); !started) return started;
  }
  std::string lines, hash = last_hash_;
  std::uint64_t seq = last_seq_;
  for (auto& event : events) {
    event.seq = ++seq;
    event.boot = boot_id_;
    event.mono_usec = now_boottime_usec();
    event.time_usec = now_wall_usec();
    const std::string line = event_line(event, hash);
    hash = sha256_hex(line);
    lines += line + "\n";
  }
  auto written = write_all(segment_.get(), lines);
  if (written && ::fdatasync(segment_.get()) < 0) written = system_error("syncing", errno);
  if (!written) {
    // What reached the disk is unknown: the next start reads it back.
    failed_ = true;
    return std::move(written).in("event log");
  }
  segment_bytes_ += lines.size();
  last_hash_ = hash;
  last_seq_ = seq;
  return {};
}

Result<std::vector<Event>> read_events(const std::string& directory, std::uint64_t since_seq,
                                       std::size_t limit) {
  auto names = list_directory(directory);
  if (!names) return names.error();
  std::vector<Event> events;
  for (const auto& name : segments_of(*names)) {
    auto bytes = read_file(directory + "/" + name, kSegmentReadLimit);
    if (!bytes) return bytes.error();
    for (const auto& line : split(*bytes, '\n')) {
      auto parsed = parse_event(line);
      if (!parsed || parsed->event.seq < since_seq) continue;
      events.push_back(std::move(parsed->event));
      if (events.size() >= limit) return events;
    }
  }
  return events;
}

}  // namespace klubster
