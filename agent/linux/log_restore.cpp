// Several beginnings are tried, the nearest first: what fits the segments without damage wins.
#include "linux/log_restore.h"

#include <fcntl.h>

#include "base/log.h"
#include "base/version.h"
#include "linux/log_files.h"
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
    // After an upgrade the events are read by who knows what they mean now.
    if (*snapshot && (*snapshot)->version != kVersion) snapshot->reset();
    if (*snapshot && *base && (*snapshot)->position.seq < (*base)->position.seq) snapshot->reset();

    std::vector<Attempt> attempts;
    if (*snapshot) attempts.push_back({kLogSnapshot, std::move(**snapshot), {}, {}});
    attempts.push_back({*base ? kLogBase : "", base->value_or(LogSnapshot()), {}, {}});
    for (auto& attempt : attempts) {
      if (auto read = follow(attempt); !read) return read.error();
      if (attempt.reading.damage.empty()) break;
    }
    return choose(attempts);
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
    why_unusable_.push_back(read.error().message());
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

  Result<RestoredLog> choose(std::vector<Attempt>& attempts) {
    Attempt* best = &attempts.front();
    if (Attempt& other = attempts.back(); other.reading.position.hash.size() > 0) {
      const LogPosition& to = other.reading.position;
      const LogPosition& from = best->start.position;
      // When reading everything leads to where the snapshot was made and not further, then the
      // snapshot belongs to this log, and what followed it is missing.
      const bool proves_best = to.seq == from.seq && to.hash == from.hash;
      const bool sound = other.reading.damage.empty() && !best->reading.damage.empty();
      if ((sound && !proves_best) || to.seq > best->reading.position.seq) best = &other;
    }
    if (best != &attempts.front()) {
      restored_.unusable.push_back(attempts.front().name);
      why_unusable_.push_back(attempts.front().name + ": it does not belong to the segments");
    }
    restored_.has_snapshot = best->name == kLogSnapshot;
    restored_.damage = best->reading.damage;
    if (auto looked = look_at_base(); !looked) return looked.error();
    for (const auto& why : why_unusable_)
      log_warning("event log: " + why);
    restored_.reading = std::move(best->reading);
    restored_.state = std::move(best->state);
    return std::move(restored_);
  }

  // A base that is lost matters when segments were removed.
  Status look_at_base() {
    auto numbers = log_segments(directory_);
    if (!numbers) return numbers.error();
    if (numbers->empty() || exists(directory_ + "/" + kLogBase)) {
      if (base_damage_.empty()) return {};
    }
    const auto first =
        numbers->empty() ? std::nullopt : first_line_of(directory_, numbers->front());
    restored_.lacks_base = !first ? !base_damage_.empty() : first->seq > 1;
    if (!restored_.lacks_base) return {};
    const std::string why = base_damage_.empty() ? "base.json is missing" : base_damage_;
    restored_.damage = restored_.damage.empty() ? why : why + "; " + restored_.damage;
    return {};
  }

  const std::string& directory_;
  RestoredLog restored_;
  std::vector<std::string> why_unusable_;
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
