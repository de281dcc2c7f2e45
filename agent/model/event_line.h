// Events as lines of the event log, in every format that this klubster knows.
//
// Format 1: {"boot","data","mono","prev","seq","time","type"}, `time` in microseconds since 1970.
// Format 2: the same with `time` as text ("2026-11-21T01:49:00.000123Z"), and last "sum", the
// SHA-256 of everything in the line before `,"sum"`: a line proves itself, also the last one.
// `prev` is the SHA-256 of the line before, its newline not included.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/event.h"

namespace klubster {

inline constexpr unsigned kNewestLogFormat = 2;
// Bytes that a line may have, its newline not counted.
inline constexpr std::size_t kLineBytes = 1024 * 1024;

// What stands for the hash of a line before the first one: it names the format that a log began
// with.
std::string log_genesis(unsigned format);
// The format that a first line's `prev` names, also a later one than this klubster knows; nullopt:
// none.
std::optional<unsigned> format_of_genesis(std::string_view prev);

// Without the newline.
std::string event_line(const Event& event, const std::string& prev_hash, unsigned format);

struct ParsedEvent {
  Event event;
  std::string prev_hash;
  unsigned format = 1;
};
// kInvalid, reason "BadJson", for a line of neither format, also when its sum does not fit.
Result<ParsedEvent> parse_event(std::string_view line);

}  // namespace klubster
