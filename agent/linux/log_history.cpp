// History is read from the segments; what is older than the base is only a state.
#include "linux/log_history.h"

#include <fcntl.h>

#include <algorithm>

#include "linux/log_chain.h"
#include "linux/log_files.h"
#include "linux/log_restore.h"
#include "linux/log_snapshot.h"
#include "model/event_line.h"

namespace klubster {

namespace {

// While klubsterd removes old segments, a reader may find one missing: then it looks again.
constexpr int kVerifyAttempts = 5;

// The events of one segment from `since_seq` on, at most `limit`.
Status read_segment(const std::string& path, std::uint64_t since_seq, std::size_t limit,
                    std::vector<Event>& into) {
  auto fd = open_log_file(path, O_RDONLY);
  if (!fd) return fd.error().kind() == ErrorKind::kIo ? Status(fd.error()) : Status();
  LogLines lines(std::move(*fd));
  while (into.size() < limit) {
    const auto line = lines.next();
    if (!line || !*line) break;
    auto parsed = parse_event((*line)->text);
    if (parsed && parsed->event.seq >= since_seq) into.push_back(std::move(parsed->event));
  }
  return {};
}

Result<std::vector<Event>> read_newest(const std::string& directory,
                                       const std::vector<std::uint64_t>& numbers,
                                       std::size_t limit) {
  std::vector<Event> events;
  for (auto number = numbers.rbegin(); number != numbers.rend() && events.size() < limit;
       ++number) {
    std::vector<Event> older;
    const std::string path = directory + "/" + log_segment_name(*number);
    if (auto read = read_segment(path, 0, SIZE_MAX, older); !read) return read.error();
    const std::size_t wanted = std::min(older.size(), limit - events.size());
    events.insert(events.begin(), std::make_move_iterator(older.end() - static_cast<long>(wanted)),
                  std::make_move_iterator(older.end()));
  }
  return events;
}

Result<std::optional<LogSnapshot>> base_of(const std::string& directory) {
  return read_log_snapshot(directory + "/" + kLogBase);
}

// What is wrong with the snapshot beside a chain that is sound.
std::string snapshot_damage(const std::string& directory,
                            const Result<std::optional<LogSnapshot>>& snapshot,
                            const LogReading& chain) {
  if (!snapshot) {
    const bool damaged = snapshot.error().kind() == ErrorKind::kUntrusted;
    return damaged ? snapshot.error().message() : "";
  }
  if (!*snapshot) return "";
  const LogPosition& made = (*snapshot)->position;
  if (chain.position.segment < made.segment) return log_segment_name(made.segment) + " is missing";
  const auto next = first_line_of(directory, made.segment);
  const bool fits = next ? next->prev_hash == made.hash : chain.position.hash == made.hash;
  return fits ? "" : std::string(kLogSnapshot) + ": it does not belong to the segments";
}

Result<LogVerdict> verify_once(const std::string& directory) {
  LogVerdict verdict;
  auto format = read_log_format(directory);
  if (!format) return format.error();
  verdict.format = *format;
  auto base = base_of(directory);
  if (!base && base.error().kind() != ErrorKind::kUntrusted) return base.error();
  auto snapshot = read_log_snapshot(directory + "/" + kLogSnapshot);
  if (!snapshot && snapshot.error().kind() == ErrorKind::kIo) return snapshot.error();

  LogPosition from;
  if (!base) {
    verdict.damage = base.error().message();
    verdict.damaged_file = kLogBase;
  }
  if (base && *base) from = (*base)->position;
  verdict.base_seq = from.seq;
  auto read = read_chain(directory, from, [&](const Event& event) {
    if (verdict.first_seq == 0) verdict.first_seq = event.seq;
    verdict.last_seq = event.seq;
    return true;
  });
  if (!read) return read.error();
  verdict.torn_bytes = read->torn_bytes;
  if (verdict.damage.empty() && !read->damage.empty()) {
    verdict.damage = read->damage;
    verdict.damaged_file = read->damaged_file;
    verdict.damaged_seq = read->damaged_seq;
  }
  if (verdict.damage.empty()) {
    verdict.damage = snapshot_damage(directory, snapshot, *read);
    if (!verdict.damage.empty()) verdict.damaged_file = kLogSnapshot;
  }
  auto names = list_directory(directory);
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (name.find(".damaged-") != std::string::npos) verdict.aside.push_back(name);
  }
  return verdict;
}

Error no_such_event(std::string why) {
  return Error(ErrorKind::kInvalid, "NoSuchEvent", std::move(why));
}

// From where a moment is reached: the snapshot when it is not later, else the base or the
// beginning.
Result<LogSnapshot> start_before(const std::string& directory, const LogMoment& moment) {
  auto snapshot = read_log_snapshot(directory + "/" + kLogSnapshot);
  if (moment.seq && snapshot && *snapshot && (*snapshot)->position.seq <= *moment.seq) {
    return std::move(**snapshot);
  }
  auto base = base_of(directory);
  if (!base) return base.error();
  LogSnapshot start = base->value_or(LogSnapshot());
  const bool too_old = (moment.seq && start.position.seq > *moment.seq) ||
                       (moment.time_usec && start.state.last_time_usec > *moment.time_usec);
  if (!too_old) return start;
  return no_such_event("the log is kept from event " + std::to_string(start.position.seq + 1) +
                       " on");
}

}  // namespace

Result<std::vector<Event>> read_events(const std::string& directory, std::uint64_t since_seq,
                                       std::size_t limit) {
  const auto numbers = log_segments(directory);
  if (!numbers) return numbers.error();
  if (since_seq == 0) return read_newest(directory, *numbers, limit);
  // The last segment that does not begin after what is wanted.
  auto first = numbers->end();
  while (first != numbers->begin()) {
    --first;
    const auto line = first_line_of(directory, *first);
    if (line && line->seq <= since_seq) break;
  }
  std::vector<Event> events;
  for (; first != numbers->end() && events.size() < limit; ++first) {
    const std::string path = directory + "/" + log_segment_name(*first);
    if (auto read = read_segment(path, since_seq, limit, events); !read) return read.error();
  }
  return events;
}

Result<LogVerdict> verify_log(const std::string& directory) {
  for (int attempt = 1;; ++attempt) {
    auto before = base_of(directory);
    auto verdict = verify_once(directory);
    if (!verdict || verdict->damage.empty() || attempt == kVerifyAttempts) return verdict;
    const auto after = base_of(directory);
    const auto seq_of = [](const Result<std::optional<LogSnapshot>>& read) {
      return read && *read ? (*read)->position.seq : 0;
    };
    if (seq_of(before) == seq_of(after)) return verdict;
  }
}

Result<PastState> state_at(const std::string& directory, const LogMoment& moment) {
  if (auto format = read_log_format(directory); !format) return format.error();
  auto start = start_before(directory, moment);
  if (!start) return start.error();
  PastState past;
  past.state = std::move(start->state);
  past.time_usec = past.state.last_time_usec;
  const auto is_after = [&moment](const Event& event) {
    return (moment.seq && event.seq > *moment.seq) ||
           (moment.time_usec && event.time_usec > *moment.time_usec);
  };
  bool reached = false;
  const auto read = read_chain(directory, start->position, [&](const Event& event) {
    reached = is_after(event);
    if (reached) return false;
    past.state.fold(event);
    past.time_usec = event.time_usec;
    return true;
  });
  if (!read) return read.error();
  if (moment.seq && past.state.last_seq == *moment.seq) return past;
  if (!read->damage.empty() && !reached) {
    return Error(ErrorKind::kUntrusted, "LogDamaged", read->damage).hint("klubster history verify");
  }
  if (moment.seq) {
    return no_such_event("the last event is " + std::to_string(past.state.last_seq));
  }
  if (past.state.last_seq == 0) return no_such_event("the log begins later");
  return past;
}

}  // namespace klubster
