// The event log on disk: one JSON line per event, each holding the SHA-256 of the line before.
//
// Segments of about a megabyte follow one another; snapshot.json spares reading the old ones at a
// start, and base.json stands for those that were removed (linux/log_snapshot.h).
#pragma once

#include <string>
#include <vector>

#include "engine/ports.h"
#include "linux/files.h"
#include "linux/log_restore.h"

namespace klubster {

struct LogLimits {
  std::uint64_t segment_bytes = 1024 * 1024;   // one that has more is followed by the next
  std::uint64_t log_bytes = 64 * 1024 * 1024;  // of all segments; the oldest ones go. Twice as
                                               // many before raise_format()
  std::uint64_t snapshot_events = 2000;        // read at a start: a snapshot is due
};

class EventLog : public EventStore {
 public:
  // Reads `directory` (made when absent) as far as it is sound.
  // A torn last line is dropped and logged. Damage before that is never passed over: what follows
  // it is set aside as FILE.damaged-TIME and damage() says so. Only what belongs to the user who
  // runs this is believed; modes that let others write are set right.
  // kInvalid, reason "LogTooNew", for the log of a later klubster (nothing is touched); kIo when
  // the disk refuses; kConflict when another process writes here.
  static Result<EventLog> open(const std::string& directory, std::string boot_id,
                               const LogLimits& limits = {});

  // What is sound of it, as far as it can be read, without touching anything: take_state() and
  // damage() tell. It takes no events.
  static EventLog look(const std::string& directory);
  // Whether the disk has room for what is said next. kIo: it is full, or refuses to be written.
  Status reserve();

  // The fold of all events. Once: whoever takes it goes on folding what is appended.
  NodeState take_state() { return std::move(state_); }

  // One write for all of them. After a failure of either every further one fails: a failed
  // fdatasync is a lost write (library-facts 5.7). What is torn is cut off by the next open().
  Status append(std::vector<Event>& events) override;
  Status sync() override;

  // Between two decisions: when the present segment is full, begins the next one, writes the
  // snapshot, and removes the oldest segments once base.json stands for them. `state` is the fold
  // of all that was appended. An error leaves the log in order; it is tried again.
  Status tidy(const NodeState& state);

  // From now on lines have the newest format, and segments are removed for a base that an older
  // klubster may not understand. To be called when nobody goes back to one any more.
  Status raise_format();
  unsigned format() const { return format_; }

  // Why the state is degraded; empty when the log is sound.
  const std::string& damage() const { return damage_; }

 private:
  EventLog() = default;
  Status lock();
  Status close_to_others();
  Status restore();
  Status heal(const RestoredLog& restored);
  Status cut(std::uint64_t segment, std::uint64_t good_bytes);
  Status open_segment(std::uint64_t number);
  Status begin_segment(const NodeState& state);
  std::string path(std::string_view name) const;

  std::string directory_;
  std::string boot_id_;
  LogLimits limits_;
  NodeState state_;
  std::string damage_;
  UniqueFd lock_;
  UniqueFd segment_;
  LogPosition position_;  // where the next line goes
  unsigned format_ = 1;
  bool may_compact_ = false;
  bool failed_ = false;
};

}  // namespace klubster
