// Looking into the event log without writing to it, also while klubsterd appends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/node_state.h"

namespace klubster {

// Up to `limit` events from number `since_seq` on; with 0 the newest ones. Lines that are damaged
// are left out.
Result<std::vector<Event>> read_events(const std::string& directory, std::uint64_t since_seq,
                                       std::size_t limit);

struct LogVerdict {
  std::uint64_t first_seq = 0, last_seq = 0;  // what is there; 0: nothing
  std::uint64_t base_seq = 0;                 // events up to this one are kept as their fold only
  std::uint64_t torn_bytes = 0;               // of an append that is under way, or was cut off
  unsigned format = 1;
  std::string damage;  // the first one: file, event, what; empty: all is sound
  std::string damaged_file;
  std::uint64_t damaged_seq = 0;   // 0: it is not about one event
  std::vector<std::string> aside;  // names of files that were set aside earlier
};
// Follows the whole chain. Errors as read_chain(): there is no verdict.
Result<LogVerdict> verify_log(const std::string& directory);

// A moment of the log: after event `seq`, or after the last event whose time is not later.
struct LogMoment {
  std::optional<std::uint64_t> seq, time_usec;
};
struct PastState {
  NodeState state;
  std::uint64_t time_usec = 0;  // of the last event in it
};
// What the node knew then. kInvalid, reason "NoSuchEvent", when the log does not reach so far back
// or ahead; kUntrusted, reason "LogDamaged", when what leads there is damaged; else as
// read_chain().
Result<PastState> state_at(const std::string& directory, const LogMoment& moment);

}  // namespace klubster
