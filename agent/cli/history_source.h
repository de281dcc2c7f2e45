// Where events come from, and which of them are wanted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/event.h"

namespace klubster {

// Which events somebody wants to see.
struct HistoryChoice {
  std::optional<std::uint64_t> since_seq, since_usec;
  std::optional<std::uint64_t> generation;
  std::string step;          // "server/etcd", or "etcd" in any phase; empty: any
  std::size_t limit = 1000;  // of a choice with a beginning the first ones, else the newest
};

// Says of one event after another, from any event on, whether it is wanted.
class HistoryFilter {
 public:
  explicit HistoryFilter(HistoryChoice choice) : choice_(std::move(choice)) {}
  bool wants(const Event& event);

 private:
  HistoryChoice choice_;
  std::uint64_t generation_ = 0;  // that the last event seen belongs to; 0: not known yet
};

// Up to a number of events from a number on; with 0 the newest ones.
using EventPages =
    std::function<Result<std::vector<Event>>(std::uint64_t since_seq, std::size_t limit)>;

Result<std::vector<Event>> choose_events(const EventPages& pages, const HistoryChoice& choice);

// The log's directory below `state_dir`, also when it cannot be read. When that is empty: of this
// machine, when this user may read it and $KLUBSTER_BUS names no other daemon; else nothing.
std::optional<std::string> readable_log(const std::string& state_dir);

// From the files of a log, and from klubsterd.
EventPages pages_of_log(const std::string& directory);
EventPages pages_of_agent();

// "41" is a number; "2026-11-21T10:00:00Z" is a time, "2026-11-21 10:00:00" and "2026-11-21" are
// times by this machine's time zone, as the table shows them; "90m" is that long before `now_usec`.
// kInvalid, reason "BadValue", for anything else.
struct SeqOrTime {
  std::optional<std::uint64_t> seq, time_usec;
};
Result<SeqOrTime> parse_seq_or_time(const std::string& text, std::uint64_t now_usec);

}  // namespace klubster
