// What is on the disk when the daemon starts: the event log, its fold, the salt.
#pragma once

#include <optional>
#include <string>

#include "daemon/places.h"
#include "linux/event_log.h"
#include "model/node_state.h"

namespace klubster {

struct StateOnDisk {
  EventLog log;
  NodeState state;
  std::string salt;
  // Why nothing can be made durable there (reason "StateUnusable"): then `state` is what could be
  // read, the log takes nothing, and the disk was left as it is.
  std::optional<Error> refused;
};

// Opens it for writing; what the disk refuses ends up in `refused`. With `known`, why it refused
// an earlier try in this process, it is only read. kInvalid, reason "LogTooNew"; kConflict when
// another process writes there.
Result<StateOnDisk> open_state(const Places& places, const std::string& boot,
                               const std::optional<Error>& known);

// The error that everybody is shown while the disk refuses.
Error state_unusable(const Error& why);

// Whether it could be opened for writing now. Nothing is kept open.
Status try_state(const Places& places, const std::string& boot);

}  // namespace klubster
