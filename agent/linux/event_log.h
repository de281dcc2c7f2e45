// The event log on disk: one JSON line per event, each holding the SHA-256 of the line before.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/ports.h"
#include "linux/files.h"

namespace klubster {

class EventLog : public EventStore {
 public:
  // Reads `directory` (made when absent) and hands every sound event to `each`, oldest first.
  // A torn last line is dropped and logged. Damage before that is never passed over: what follows
  // it is set aside as FILE.damaged-TIME and damage() says so. kInvalid, reason
  // "LogTooNew", for the format of a later klubster (nothing is touched); kIo when the disk
  // refuses; kConflict when another process writes here.
  static Result<EventLog> open(const std::string& directory, std::string boot_id,
                               const std::function<void(const Event&)>& each);

  // One write and one fdatasync for all of them. After a failure every further append fails: a
  // failed fsync is a lost write (library-facts 5.7).
  Status append(std::vector<Event>& events) override;

  // Why the state is degraded; empty when the log is sound.
  const std::string& damage() const { return damage_; }

 private:
  EventLog() = default;
  Status read_segment(const std::string& name, const std::function<void(const Event&)>& each);
  Status set_aside(const std::string& name, std::string_view good, std::string why);
  Status start_segment();

  std::string directory_;
  std::string boot_id_;
  std::string damage_;
  UniqueFd lock_;
  UniqueFd segment_;
  std::size_t segment_bytes_ = 0;
  std::uint64_t segment_number_ = 0;
  std::uint64_t last_seq_ = 0;
  std::string last_hash_;
  bool failed_ = false;
};

// Reads up to `limit` events from `since_seq` on, without locking: for `klubster history`.
Result<std::vector<Event>> read_events(const std::string& directory, std::uint64_t since_seq,
                                       std::size_t limit);

}  // namespace klubster
