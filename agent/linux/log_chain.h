// Reading the log's segments as one chain: which events are proven, and what is wrong after them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "model/event.h"

namespace klubster {

// A place between two lines.
struct LogPosition {
  std::uint64_t seq = 0;      // of the event before it; 0: the log's beginning
  std::string hash = {};      // of its line; empty at the beginning
  std::uint64_t segment = 1;  // where the next line stands
  std::uint64_t offset = 0;   // and from which byte on
};

struct LogReading {
  LogPosition position;           // after the last event that is believed
  std::string damage;             // file, event, and why nothing after it is believed; empty: sound
  std::string damaged_file;       // its name
  std::uint64_t damaged_seq = 0;  // of the event that should stand there
  std::uint64_t torn_bytes = 0;   // after it: an append that was cut off, or is under way
  std::uint64_t events = 0;       // that were handed on
  std::string boot;               // of the last of them
  unsigned format = 0;            // of the newest line that was read; 0: none was
};

// What to do with an event; false: enough.
using EventVisitor = std::function<bool(const Event&)>;

// Hands every sound event after `from` (whose offset is 0) to `visit`, up to the end of the last
// segment before number `until`. A line of format 2 proves itself; one of format 1 is believed once
// the line after it fits, and the very last as it is.
// kInvalid, reason "LogTooNew": a newer klubster wrote it. kIo: the machine fails us.
Result<LogReading> read_chain(const std::string& directory, const LogPosition& from,
                              const EventVisitor& visit, std::uint64_t until = UINT64_MAX);

}  // namespace klubster
