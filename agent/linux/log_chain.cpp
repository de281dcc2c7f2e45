// Line after line: each one must follow the one before.
#include "linux/log_chain.h"

#include <fcntl.h>

#include <optional>

#include "base/digest.h"
#include "linux/log_files.h"
#include "model/event_line.h"
#include "model/node_state.h"

namespace klubster {

namespace {

class Chain {
 public:
  Chain(const LogPosition& from, const EventVisitor& visit) : head_(from), visit_(visit) {
    reading_.position = from;
  }

  // Nothing more is to be read: damage, or the visitor has enough.
  bool over() const { return enough_ || !reading_.damage.empty(); }

  // One segment. `follows` is the number that it should have.
  Status read(const std::string& directory, std::uint64_t number, std::uint64_t follows,
              bool is_last) {
    segment_ = number;
    missing_ = number == follows ? "" : log_segment_name(follows) + " is missing";
    if (!pending_) enter(number);
    auto fd = open_log_file(directory + "/" + log_segment_name(number), O_RDONLY);
    if (!fd) return fd.error().kind() == ErrorKind::kIo ? Status(fd.error()) : lose(fd.error());
    LogLines lines(std::move(*fd));
    while (!over()) {
      auto line = lines.next();
      if (!line) return lose(line.error());
      if (!*line) return {};
      if (auto taken = take(**line, is_last); !taken) return taken;
    }
    return {};
  }

  void miss(std::uint64_t number) {
    segment_ = number;
    refuse(head_.seq + 1, "the file is missing");
  }

  Result<LogReading> finish() {
    if (auto confirmed = confirm(); !confirmed) return confirmed.error();
    // The next line belongs into the last segment, also when that is still empty.
    if (reading_.damage.empty() && !enough_) enter(segment_);
    return reading_;
  }

 private:
  // An event of format 1 whose line only the next one can prove.
  struct Pending {
    Event event;
    LogPosition after;
  };

  Status take(const LogLine& line, bool is_last) {
    if (line.too_long)
      return refuse_line("it has more than " + std::to_string(kLineBytes) + " bytes");
    if (!line.whole) return take_torn(line, is_last);
    auto parsed = parse_event(line.text);
    if (!parsed) return refuse_line(parsed.error().message());
    auto fits = check(*parsed);
    if (!fits) return fits.error();
    if (!fits->empty()) return refuse_line(*fits);
    return accept(std::move(*parsed), line.text, line.end);
  }

  // A line without its end. When only its newline was changed into something else, the event is
  // proven all the same.
  Status take_torn(const LogLine& line, bool is_last) {
    const std::string_view text = line.text.substr(0, line.text.size() - 1);
    auto parsed = parse_event(text);
    if (parsed && parsed->format > 1 && check(*parsed).value_or("damaged").empty()) {
      const std::uint64_t seq = parsed->event.seq;
      if (auto taken = accept(std::move(*parsed), text, line.end); !taken) return taken;
      refuse(seq, "its line has no end");
      return {};
    }
    if (!is_last) return refuse_line("it is cut off, and another segment follows");
    reading_.torn_bytes = line.text.size();
    return {};
  }

  // Why this line does not follow; empty when it does.
  Result<std::string> check(const ParsedEvent& parsed) {
    if (head_.seq == 0 && head_.hash.empty()) {
      const auto format = format_of_genesis(parsed.prev_hash);
      if (format && *format > kNewestLogFormat) {
        return Error(ErrorKind::kInvalid, "LogTooNew", "it was written by a newer klubster")
            .in(log_segment_name(segment_));
      }
      if (!format) return lacks_predecessor(parsed.event.seq);
    } else if (parsed.prev_hash != head_.hash) {
      pending_.reset();  // one of the two is damaged, and nobody knows which
      return lacks_predecessor(parsed.event.seq);
    }
    if (parsed.event.seq == head_.seq + 1) return std::string();
    return "its number is " + std::to_string(parsed.event.seq);
  }

  std::string lacks_predecessor(std::uint64_t seq) const {
    if (!missing_.empty()) return missing_;
    if (head_.seq == 0) return "the log begins with event " + std::to_string(seq);
    return "it does not follow the line before";
  }

  Status accept(ParsedEvent parsed, std::string_view text, std::uint64_t end) {
    if (auto confirmed = confirm(); !confirmed) return confirmed;
    head_ = {parsed.event.seq, sha256_hex(text), segment_, end};
    reading_.format = parsed.format;
    missing_.clear();
    if (over()) return {};
    if (parsed.format == 1) {
      pending_ = Pending{std::move(parsed.event), head_};
      return {};
    }
    return believe(parsed.event, head_);
  }

  Status confirm() {
    if (!pending_) return {};
    const Pending proven = std::move(*pending_);
    pending_.reset();
    return believe(proven.event, proven.after);
  }

  Status believe(const Event& event, const LogPosition& after) {
    if (!is_known_event(event.type)) {
      return Error(ErrorKind::kInvalid, "LogTooNew",
                   "event " + std::to_string(event.seq) +
                       " is of a kind that this klubster does "
                       "not know: " +
                       event.type)
          .in(log_segment_name(after.segment));
    }
    reading_.position = after;
    reading_.events += 1;
    reading_.boot = event.boot;
    enough_ = !visit_(event);
    return {};
  }

  void enter(std::uint64_t number) {
    if (reading_.position.segment >= number) return;
    reading_.position.segment = number;
    reading_.position.offset = 0;
  }
  void refuse(std::uint64_t seq, const std::string& why) {
    reading_.damaged_file = log_segment_name(segment_);
    reading_.damaged_seq = seq;
    reading_.damage = reading_.damaged_file + ", event " + std::to_string(seq) + ": " + why;
  }
  Status refuse_line(const std::string& why) {
    refuse(head_.seq + 1, why);
    return {};
  }
  Status lose(const Error& error) { return refuse_line(error.message()); }

  LogPosition head_;  // after the last line that follows, believed or not yet
  const EventVisitor& visit_;
  LogReading reading_;
  std::optional<Pending> pending_;
  std::uint64_t segment_ = 0;
  std::string missing_;
  bool enough_ = false;
};

}  // namespace

Result<LogReading> read_chain(const std::string& directory, const LogPosition& from,
                              const EventVisitor& visit, std::uint64_t until) {
  auto numbers = log_segments(directory);
  if (!numbers) return numbers.error();
  std::erase_if(*numbers,
                [&](std::uint64_t number) { return number < from.segment || number >= until; });
  Chain chain(from, visit);
  std::uint64_t follows = from.segment;
  for (const std::uint64_t number : *numbers) {
    const bool is_last = number == numbers->back() && until == UINT64_MAX;
    if (auto read = chain.read(directory, number, follows, is_last); !read) return read.error();
    if (chain.over()) break;
    follows = number + 1;
  }
  // A snapshot is made when the segment that follows it is there.
  if (numbers->empty() && from.seq > 0) chain.miss(from.segment);
  return chain.finish();
}

}  // namespace klubster
