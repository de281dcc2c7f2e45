// Opening the event log and appending to it (state-recovery.md).
#include "linux/event_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/digest.h"
#include "base/log.h"
#include "linux/event_loop.h"
#include "linux/log_compaction.h"
#include "linux/log_files.h"
#include "linux/log_snapshot.h"
#include "model/event_line.h"

namespace klubster {

namespace {

// More than a group of events has: a full segment takes one more of them out of its reserve.
constexpr std::uint64_t kReserveBytes = 256 * 1024;
// Of that, what there must be at least.
constexpr off_t kNeededBytes = 64 * 1024;

// A directory of our own. Anything else of that name is kept under another.
Result<std::string> own_directory(const std::string& path) {
  std::string damage;
  struct stat info = {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) damage = "expected a directory";
    if (S_ISDIR(info.st_mode) && info.st_uid != ::geteuid()) {
      damage = "expected a directory of this user's own, found one of uid " +
               std::to_string(info.st_uid);
    }
    if (!damage.empty()) {
      damage = path + ": " + damage;
      if (auto moved = set_log_file_aside(path); !moved) return moved.error();
    }
  } else if (errno != ENOENT) {
    return system_error("opening " + path, errno);
  }
  const bool is_new = !exists(path);
  if (auto made = make_directory(path, 0700); !made) return made.error();
  if (!is_new) return damage;
  if (auto synced = sync_directory(path.substr(0, path.rfind('/'))); !synced) {
    return synced.error();
  }
  return damage;
}

// After a failed fdatasync the kernel has the lines in memory, counts them as written, and writes
// them no more (library-facts 5.7). What is read from there is acted upon, so it is written again,
// to another file: of the old one ext4 goes on counting blocks as reserved and empty.
Status write_again(const std::string& file) {
  auto bytes = read_log_file(file, SIZE_MAX);
  if (!bytes) return bytes.error();
  auto written = write_file_durably(file, *bytes, 0600);
  // A disk that others fill does not keep the agent from going on in what it has reserved.
  if (!written && written.error().reason() != "DiskFull") return written;
  return {};
}

Error write_lost() {
  return Error(ErrorKind::kIo, "SystemCallFailed", "an earlier write was lost");
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& directory, std::string boot_id,
                                const LogLimits& limits) {
  EventLog log;
  log.directory_ = directory;
  log.boot_id_ = std::move(boot_id);
  log.limits_ = limits;
  auto damage = own_directory(directory);
  if (!damage) return damage.error();
  log.damage_ = std::move(*damage);
  if (auto locked = log.lock(); !locked) return locked.error();
  if (auto restored = log.restore(); !restored) return restored.error();
  return log;
}

EventLog EventLog::look(const std::string& directory) {
  EventLog log;
  log.directory_ = directory;
  log.failed_ = true;
  auto restored = restore_log(directory);
  log.damage_ = restored ? restored->damage : restored.error().message();
  if (restored) log.state_ = std::move(restored->state);
  return log;
}

Status EventLog::reserve() {
  const auto at = static_cast<off_t>(position_.offset);
  if (::fallocate(segment_.get(), FALLOC_FL_KEEP_SIZE, at, kNeededBytes) == 0) return {};
  // Not every file system can; there the next append finds out.
  if (errno != ENOSPC && errno != EDQUOT && errno != EIO && errno != EROFS) return {};
  return system_error("keeping room for the event log", errno);
}

std::string EventLog::path(std::string_view name) const {
  return directory_ + "/" + std::string(name);
}

// A lock file of its own: segments come and go.
Status EventLog::lock() {
  auto fd = open_log_file(path("lock"), O_RDWR | O_CREAT);
  if (!fd && fd.error().kind() == ErrorKind::kUntrusted) {
    if (auto moved = set_log_file_aside(path("lock")); !moved) return moved;
    fd = open_log_file(path("lock"), O_RDWR | O_CREAT);
  }
  if (!fd) return fd.error();
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return system_error("locking " + directory_, errno);
    return Error(ErrorKind::kConflict, "AlreadyRunning", "another process writes to it")
        .in("event log " + directory_);
  }
  lock_ = std::move(*fd);
  return {};
}

Status EventLog::restore() {
  auto format = read_log_format(directory_);
  if (!format) return format.error();
  auto restored = restore_log(directory_);
  if (!restored) return restored.error();
  if (!restored->damage.empty()) {
    damage_ = damage_.empty() ? restored->damage : damage_ + "; " + restored->damage;
  }
  if (!damage_.empty()) {
    log_error(Error(ErrorKind::kIo, "LogDamaged", damage_).in("event log"));
  }
  if (auto closed = close_to_others(); !closed) return closed;
  position_ = restored->reading.position;
  state_ = std::move(restored->state);
  const bool is_new = position_.seq == 0 && position_.hash.empty();
  format_ = is_new ? kNewestLogFormat : std::max(*format, restored->reading.format);
  if (*format != format_) {
    if (auto written = write_log_format(directory_, format_); !written) return written;
  }
  if (auto healed = heal(*restored); !healed) return healed;
  if (restored->reading.boot == boot_id_ && position_.offset > 0) {
    auto written = write_again(path(log_segment_name(position_.segment)));
    if (!written) return written;
  }
  if (auto opened = open_segment(position_.segment); !opened) return opened;
  if (is_new) position_.hash = log_genesis(format_);
  if (restored->reading.events <= limits_.snapshot_events) return {};
  if (auto begun = begin_segment(state_); !begun)
    log_error(std::move(begun.error()).in("event log"));
  return {};
}

// The directory was closed to others all the time, so what stands in a file is ours.
Status EventLog::close_to_others() {
  auto names = list_directory(directory_);
  if (!names) return names.error();
  for (const auto& name : *names) {
    struct stat info = {};
    if (::lstat(path(name).c_str(), &info) < 0) continue;
    if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) continue;
    if ((info.st_mode & 0777) == 0600) continue;
    if ((info.st_mode & 022) != 0) {
      log_warning("event log: " + name + " could be written by others; its mode is 0600 again");
    }
    if (::chmod(path(name).c_str(), 0600) < 0) log_error(system_error("closing " + name, errno));
  }
  return {};
}

// What is not believed is moved out of the way, so that the next line follows the last good one.
Status EventLog::heal(const RestoredLog& restored) {
  for (const auto& name : restored.unusable) {
    if (auto moved = set_log_file_aside(path(name)); !moved) return moved;
  }
  if (restored.reading.torn_bytes > 0) {
    log_warning("event log: dropped a torn last line of " +
                std::to_string(restored.reading.torn_bytes) + " bytes in " +
                log_segment_name(position_.segment));
    auto fd = open_log_file(path(log_segment_name(position_.segment)), O_WRONLY);
    if (!fd) return fd.error();
    if (::ftruncate(fd->get(), static_cast<off_t>(position_.offset)) < 0 ||
        ::fsync(fd->get()) < 0) {
      return system_error("cutting " + log_segment_name(position_.segment), errno);
    }
  }
  if (restored.reading.damage.empty() && !restored.lacks_base) return {};
  auto numbers = log_segments(directory_);
  if (!numbers) return numbers.error();
  for (const std::uint64_t number : *numbers) {
    // Without a base nobody can say what the segments before a snapshot build on.
    const bool orphan = restored.lacks_base && number < restored.first_segment;
    const bool damaged = !restored.reading.damage.empty() && number >= position_.segment;
    if (!orphan && !damaged) continue;
    const bool has_good = number == position_.segment && position_.offset > 0;
    auto moved = has_good ? cut(number, position_.offset)
                          : set_log_file_aside(path(log_segment_name(number)));
    if (!moved) return moved;
  }
  if (!restored.lacks_base || !restored.has_snapshot) return {};
  auto snapshot = read_log_file(path(kLogSnapshot), SIZE_MAX);
  return snapshot ? write_file_durably(path(kLogBase), *snapshot, 0600) : snapshot.error();
}

// Keeps the whole file under another name, and its good beginning under its own: at no moment is
// the beginning missing.
Status EventLog::cut(std::uint64_t segment, std::uint64_t good_bytes) {
  const std::string file = path(log_segment_name(segment));
  auto fd = open_log_file(file, O_RDONLY);
  if (!fd) return fd.error();
  std::string good(good_bytes, '\0');
  for (std::size_t at = 0; at < good.size();) {
    const ssize_t got =
        ::pread(fd->get(), good.data() + at, good.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_error("reading " + file, got < 0 ? errno : EIO);
    at += static_cast<std::size_t>(got);
  }
  good.back() = '\n';  // it may be the very byte that was damaged
  const std::string aside = file + ".damaged-" + std::to_string(now_wall_usec());
  if (::link(file.c_str(), aside.c_str()) < 0) return system_error("keeping " + file, errno);
  auto written = write_file_durably(file, good, 0600);
  // A disk that refuses is tried every few seconds: each try would leave a name.
  if (!written) (void)remove_file(aside);
  return written;
}

// Room for what is still to come is reserved, so that a full disk does not keep the agent from
// saying what it does about it.
Status EventLog::open_segment(std::uint64_t number) {
  const std::string file = path(log_segment_name(number));
  auto fd = open_log_file(file, O_WRONLY | O_APPEND | O_CREAT);
  if (!fd) return fd.error();
  struct stat info = {};
  if (::fstat(fd->get(), &info) < 0) return system_error("opening " + file, errno);
  const bool is_new = info.st_size == 0;
  const auto reserve = static_cast<off_t>(limits_.segment_bytes + kReserveBytes);
  const bool reserved =
      ::fallocate(fd->get(), FALLOC_FL_KEEP_SIZE, 0, reserve) == 0 || errno != ENOSPC;
  if (is_new && !reserved && segment_) {
    // The present one goes on, and is the last one: a line that is torn in it ends the log.
    if (auto removed = remove_file(file); !removed) return removed;
    return system_error("reserving " + file, ENOSPC);
  }
  // An earlier process may have died between its write and its sync: what was read is acted upon.
  if (::fdatasync(fd->get()) < 0) return system_error("syncing " + file, errno);
  if (auto synced = sync_directory(directory_); !synced) return synced;
  position_.segment = number;
  position_.offset = static_cast<std::uint64_t>(info.st_size);
  segment_ = std::move(*fd);
  return {};
}

Status EventLog::append(std::vector<Event>& events) {
  if (failed_) return write_lost().in("event log");
  std::string lines;
  LogPosition next = position_;
  for (auto& event : events) {
    event.seq = ++next.seq;
    event.boot = boot_id_;
    event.mono_usec = now_boottime_usec();
    event.time_usec = now_wall_usec();
    const std::string line = event_line(event, next.hash, format_);
    if (line.size() > kLineBytes) {
      return Error(ErrorKind::kInternal, "TooLarge", "the event " + event.type + " is too large")
          .in("event log");
    }
    next.hash = sha256_hex(line);
    lines.append(line).push_back('\n');
  }
  if (auto written = write_all(segment_.get(), lines); !written) {
    // What reached the disk is unknown: the next start reads it back.
    failed_ = true;
    return std::move(written).in("event log");
  }
  next.offset += lines.size();
  position_ = next;
  return {};
}

Status EventLog::sync() {
  if (!failed_ && ::fdatasync(segment_.get()) == 0) return {};
  auto error = failed_ ? write_lost() : system_error("syncing", errno);
  failed_ = true;
  return std::move(error).in("event log");
}

Status EventLog::tidy(const NodeState& state) {
  if (failed_ || position_.offset <= limits_.segment_bytes) return {};
  return begin_segment(state).in("event log");
}

Status EventLog::begin_segment(const NodeState& state) {
  if (state.last_seq != position_.seq) {
    return Error(ErrorKind::kInternal, "Bug", "the state is not the fold of the log");
  }
  if (auto synced = sync(); !synced) return synced;
  const UniqueFd full(::fcntl(segment_.get(), F_DUPFD_CLOEXEC, 0));
  const auto full_bytes = static_cast<off_t>(position_.offset);
  if (auto opened = open_segment(position_.segment + 1); !opened) return opened;
  // What it had reserved and did not need: only room, when it cannot be given back.
  if (::ftruncate(full.get(), full_bytes) < 0) log_error(system_error("trimming a segment", errno));
  if (auto written = write_log_snapshot(path(kLogSnapshot), position_, state, format_); !written) {
    return written;
  }
  if (format_ == 1) return {};  // an older klubster knows nothing of a base
  return compact_log(directory_, position_.segment, limits_.log_bytes * (may_compact_ ? 1 : 2));
}

Status EventLog::raise_format() {
  may_compact_ = true;
  if (format_ == kNewestLogFormat) return {};
  if (auto written = write_log_format(directory_, kNewestLogFormat); !written) {
    return std::move(written).in("event log");
  }
  format_ = kNewestLogFormat;
  return {};
}

}  // namespace klubster
