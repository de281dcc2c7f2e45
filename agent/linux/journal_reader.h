// What steps wrote to their standard output and error, read back from the journal.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

struct sd_journal;

namespace klubster {

// One entry: a line, or several when the process sent them in one (native protocol).
struct StepOutput {
  std::uint64_t time_usec = 0;  // wall clock, when journald got it
  std::string phase, step;
  std::string stage;                          // "run", "ready", "check", "verify", "undo"
  std::uint64_t attempt = 0, generation = 0;  // 0: not said
  std::string unit;
  std::uint64_t pid = 0;
  std::string message;  // the bytes as they were written
};

// Which output is wanted. What is empty is not asked for.
struct OutputFilter {
  std::string phase, step;
  std::optional<std::uint64_t> attempt;
  // Units of steps, with phase and id of each: those that the machine has itself (startUnit) write
  // lines without any field of ours.
  std::map<std::string, std::pair<std::string, std::string>> units;
};

// The fields of an entry. One field may have several values.
using JournalFieldValues = std::multimap<std::string, std::string>;

// The entry as a step's output; nothing when it is none.
//
// Any process may send fields named like ours. What journald itself says of the sender (fields that
// begin with "_") decides: it was in klubster.slice; or journald no longer knew its cgroup, since
// it had ended by then (systemd issue 2913), but the line came through the stream that systemd had
// connected, which carries no fields but those of the unit. An entry whose fields contradict each
// other was sent so by a step: it is given to the unit, not to the step that it names.
std::optional<StepOutput> step_output_of(const JournalFieldValues& fields,
                                         const OutputFilter& filter);

class JournalReader {
 public:
  // The machine's journal. AccessDenied (kInvalid) when this user may not read it.
  static Result<JournalReader> open_system(OutputFilter filter);
  // The journal files in a directory.
  static Result<JournalReader> open_directory(const std::string& directory, OutputFilter filter);

  // Goes to the last `lines` entries that there are; without it, to the first of all.
  Status seek(std::optional<std::uint64_t> lines);
  // The next one, nothing at the end.
  Result<std::optional<StepOutput>> next();
  // Blocks until there may be more, or that long.
  Status wait(std::uint64_t timeout_usec = UINT64_MAX);
  // The ids that entries name, sorted: what once ran here, and what somebody said so of.
  Result<std::vector<std::string>> step_names();

 private:
  struct Close {
    void operator()(sd_journal* journal) const;
  };
  JournalReader(sd_journal* journal, OutputFilter filter)
      : journal_(journal), filter_(std::move(filter)) {}
  Status add_matches();
  std::optional<StepOutput> here() const;

  std::unique_ptr<sd_journal, Close> journal_;
  OutputFilter filter_;
  bool at_wanted_ = false;  // seek() stopped on an entry that next() is to give
};

}  // namespace klubster
