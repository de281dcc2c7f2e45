// The fold of the log up to a place between two segments, as a file: {format, seq, hash, segment,
// state, version, sha256}, the last of everything else.
//
// snapshot.json spares a start the reading of what is old, and may be lost at any time. base.json
// stands for segments that were removed.
#pragma once

#include <optional>
#include <string>

#include "linux/log_chain.h"
#include "model/node_state.h"

namespace klubster {

struct LogSnapshot {
  LogPosition position;  // its offset is 0
  NodeState state;
  unsigned format = 1;
  std::string version;  // of the klubster that folded it
};

// nullopt when there is none. kUntrusted, reason "LogDamaged", when it is not what was written;
// kInvalid, reason "LogTooNew", when a newer klubster wrote it; kIo: the machine fails us.
Result<std::optional<LogSnapshot>> read_log_snapshot(const std::string& path);

// Durable when it returns. The state is the fold of everything before the position.
Status write_log_snapshot(const std::string& path, const LogPosition& position,
                          const NodeState& state, unsigned format);

}  // namespace klubster
