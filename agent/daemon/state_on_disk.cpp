// Opening the state, or at least looking at it.
#include "daemon/state_on_disk.h"

#include <cerrno>
#include <system_error>

#include "daemon/generations.h"

namespace klubster {

namespace {

constexpr const char* kReadOnly =
    "look why it is read-only (dmesg), mount -o remount,rw it, then systemctl restart klubster";

Result<StateOnDisk> open_for_writing(const Places& places, const std::string& boot) {
  if (auto made = make_places(places); !made) return made.error();
  auto log = EventLog::open(places.log(), boot);
  if (!log) return log.error();
  if (auto room = log->reserve(); !room) return room.error();
  NodeState state = log->take_state();
  auto salt = node_salt(places.salt(), stored_salt(places, state));
  if (!salt) return salt.error();
  return StateOnDisk{std::move(*log), std::move(state), std::move(*salt), std::nullopt};
}

// The error is the daemon's own business, not the disk's.
bool ends_the_daemon(const Error& error) {
  return error.reason() == "LogTooNew" || error.kind() == ErrorKind::kConflict;
}

}  // namespace

Result<StateOnDisk> open_state(const Places& places, const std::string& boot,
                               const std::optional<Error>& known) {
  std::optional<Error> refused = known;
  if (!refused) {
    auto opened = open_for_writing(places, boot);
    if (opened || ends_the_daemon(opened.error())) return opened;
    refused = state_unusable(opened.error());
  }
  EventLog log = EventLog::look(places.log());
  NodeState state = log.take_state();
  const auto salt = stored_salt(places, state);
  return StateOnDisk{std::move(log), std::move(state), salt.value_or(""), std::move(refused)};
}

Error state_unusable(const Error& why) {
  Error error(ErrorKind::kIo, "StateUnusable", why.message());
  // What was mounted read-only when this process began stays so in its sandbox.
  const bool read_only = why.message().ends_with(std::generic_category().message(EROFS));
  return read_only ? std::move(error).hint(kReadOnly) : std::move(error);
}

Status try_state(const Places& places, const std::string& boot) {
  auto opened = open_for_writing(places, boot);
  return opened ? Status() : opened.error();
}

}  // namespace klubster
