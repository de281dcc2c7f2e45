// Two beginnings are tried, the nearer first: what fits the segments without damage wins.
#include "linux/log_restore.h"

#include <fcntl.h>

#include "base/log.h"
#include "base/version.h"
#include "linux/log_files.h"
#include "linux/log_snapshot.h"
#include "model/event_line.h"

namespace klubster {

namespace {

// A beginning, and how far one comes from there.
struct Attempt {
  std::string name;  // of the file; empty: the very beginning
  LogSnapshot start;
  LogReading reading;
  NodeState state;
};

class Restoration {
 public:
  explicit Restoration(const std::string& directory) : directory_(directory) {}

  Result<RestoredLog> run() {
    auto base = take(kLogBase);
    if (!base) return base.error();
    auto snapshot = take(kLogSnapshot);
    if (!snapshot) return snapshot.error();
    if (*snapshot && *base && (*snapshot)->position.seq < (*base)->position.seq) snapshot->reset();

    Attempt all{*base ? kLogBase : "", base->value_or(LogSnapshot()), {}, {}};
    if (!*snapshot) {
      if (auto read = follow(all); !read) return read.error();
      return believe(all);
    }
    Attempt near{kLogSnapshot, std::move(**snapshot), {}, {}};
    // After an upgrade the events are read by who knows what they mean now, as far as they are
    // sound: what is damaged before the snapshot was no harm to the version that made it.
    const bool is_ours = near.start.version == kVersion;
    if (is_ours) {
      if (auto read = follow(near); !read) return read.error();
      if (near.reading.damage.empty()) return believe(near);
    }
    if (auto read = follow(all); !read) return read.error();
    const bool is_whole = all.reading.damage.empty() && reaches(all, near);
    if (is_whole) return is_ours ? believe(all, near) : believe(all);
    if (!is_ours) {
      if (auto read = follow(near); !read) return read.error();
    }
    return choose(near, all, is_ours);
  }

 private:
  Result<std::optional<LogSnapshot>> take(const char* name) {
    auto read = read_log_snapshot(directory_ + "/" + name);
    if (read) return read;
    const bool is_base = std::string_view(name) == kLogBase;
    if (read.error().kind() == ErrorKind::kIo) return read;
    // A snapshot with more in it than is known here is only slower to do without; the events say
    // whether there is something that cannot be understood.
    if (read.error().reason() == "LogTooNew") return is_base ? read : std::optional<LogSnapshot>();
    restored_.unusable.emplace_back(name);
    warnings_.push_back(read.error().message());
    if (is_base) base_damage_ = read.error().message();
    return std::optional<LogSnapshot>();
  }

  Status follow(Attempt& attempt) const {
    attempt.state = attempt.start.state;
    auto read = read_chain(directory_, attempt.start.position, [&attempt](const Event& event) {
      attempt.state.fold(event);
      return true;
    });
    if (!read) return read.error();
    attempt.reading = std::move(*read);
    return {};
  }

  // Whether everything that the snapshot was made of was read. The segment that follows it is
  // there when it is made.
  static bool reaches(const Attempt& all, const Attempt& near) {
    const LogPosition &made = near.start.position, &end = all.reading.position;
    return end.seq > made.seq || (end.seq == made.seq && end.segment >= made.segment);
  }

  // Neither way leads to the end without damage, or the segments do not reach the snapshot.
  Result<RestoredLog> choose(Attempt& near, Attempt& all, bool is_ours) {
    const LogPosition &made = near.start.position, &end = all.reading.position;
    const bool is_sound = near.reading.damage.empty();
    if (!all.reading.damage.empty()) {
      // Another version's is believed when a line proves that it belongs here, or nothing follows.
      const bool is_believed = is_ours || is_sound || near.reading.events > 0;
      if (!is_believed || near.reading.position.seq < end.seq) return believe(all, near);
      if (is_sound) warnings_.push_back(all.reading.damage + ", before what the snapshot holds");
      return believe(near);
    }
    // When reading everything leads to where the snapshot was made and not further, then the
    // snapshot belongs to this log, and what followed it is missing.
    if (end.seq == 0 || (end.seq == made.seq && end.hash == made.hash)) return believe(near);
    restored_.damage = log_segment_name(end.segment) + ": the log ends with event " +
                       std::to_string(end.seq) + ", its snapshot was made after event " +
                       std::to_string(made.seq);
    return believe(all, near);
  }

  Result<RestoredLog> believe(Attempt& best, const Attempt& other) {
    restored_.unusable.push_back(other.name);
    warnings_.push_back(other.name + ": it does not belong to the segments");
    return believe(best);
  }

  Result<RestoredLog> believe(Attempt& best) {
    restored_.has_snapshot = best.name == kLogSnapshot;
    restored_.first_segment = best.start.position.segment;
    if (!best.reading.damage.empty()) restored_.damage = best.reading.damage;
    if (auto looked = look_at_base(); !looked) return looked.error();
    for (const auto& warning : warnings_)
      log_warning("event log: " + warning);
    restored_.reading = std::move(best.reading);
    restored_.state = std::move(best.state);
    return std::move(restored_);
  }

  // A base that is lost matters when segments were removed.
  Status look_at_base() {
    if (base_damage_.empty() && exists(directory_ + "/" + kLogBase)) return {};
    auto numbers = log_segments(directory_);
    if (!numbers) return numbers.error();
    const auto first =
        numbers->empty() ? std::nullopt : first_line_of(directory_, numbers->front());
    const bool begins_with_snapshot =
        restored_.has_snapshot && (numbers->empty() || numbers->front() == restored_.first_segment);
    restored_.lacks_base = first ? first->seq > 1 : !base_damage_.empty() || begins_with_snapshot;
    if (!restored_.lacks_base) return {};
    const std::string why = base_damage_.empty() ? "base.json is missing" : base_damage_;
    restored_.damage = restored_.damage.empty() ? why : why + "; " + restored_.damage;
    return {};
  }

  const std::string& directory_;
  RestoredLog restored_;
  std::vector<std::string> warnings_;
  std::string base_damage_;
};

}  // namespace

Result<RestoredLog> restore_log(const std::string& directory) {
  return Restoration(directory).run();
}

std::optional<FirstLine> first_line_of(const std::string& directory, std::uint64_t segment) {
  auto fd = open_log_file(directory + "/" + log_segment_name(segment), O_RDONLY);
  if (!fd) return std::nullopt;
  LogLines lines(std::move(*fd));
  const auto line = lines.next();
  if (!line || !*line || !(*line)->whole) return std::nullopt;
  auto parsed = parse_event((*line)->text);
  if (!parsed) return std::nullopt;
  return FirstLine{parsed->event.seq, std::move(parsed->prev_hash)};
}

}  // namespace klubster
