// The state that the log's files give: a snapshot, the base or the very beginning, and the events
// that follow it. Nothing is changed on the disk.
#pragma once

#include <string>
#include <vector>

#include "linux/log_chain.h"
#include "model/node_state.h"

namespace klubster {

struct RestoredLog {
  LogReading reading;
  NodeState state;                    // the fold up to reading.position
  std::string damage;                 // why the state is degraded; empty: it is sound
  std::vector<std::string> unusable;  // names of files that do not help and are to be set aside
  bool has_snapshot = false;          // the state was read by way of it
  std::uint64_t first_segment = 1;    // that was read
  bool lacks_base = false;  // the first segment begins in the middle, and no base says of what
};

// Errors as read_chain().
Result<RestoredLog> restore_log(const std::string& directory);

// The first line of a segment, as far as it can be read: which event, and the hash before it.
struct FirstLine {
  std::uint64_t seq = 0;
  std::string prev_hash;
};
std::optional<FirstLine> first_line_of(const std::string& directory, std::uint64_t segment);

}  // namespace klubster
