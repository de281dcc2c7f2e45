// Units as plain data: what to start, and what systemd says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace klubster {

using Texts = std::vector<std::string>;
struct ExecCommand {  // "$" stays "$"
  Texts argv;
};
struct Bind {  // BindPaths or BindReadOnlyPaths
  std::string from, to;
};
struct FilterList {  // SystemCallFilter, RestrictAddressFamilies: allow or deny these
  bool allow = true;
  Texts names;
};
struct ExitCodes {  // SuccessExitStatus
  std::vector<int> codes;
};
struct JournalFields {  // LogExtraFields, "NAME=value"
  Texts fields;
};
struct BlobDescriptor {  // a descriptor that the unit gets as standard input or output
  int fd = -1;
};

using PropertyValue =
    std::variant<bool, std::int32_t, std::uint32_t, std::uint64_t, std::string, Texts, ExecCommand,
                 std::vector<std::pair<std::string, std::string>>, std::vector<Bind>, FilterList,
                 ExitCodes, JournalFields, BlobDescriptor>;

// A unit to be started with StartTransientUnit. Property names are systemd's D-Bus names.
struct TransientUnit {
  std::string name;
  std::vector<std::pair<std::string, PropertyValue>> properties;

  void set(std::string property, PropertyValue value) {
    properties.emplace_back(std::move(property), std::move(value));
  }
};

// One read of a unit's properties. `load_state` comes first: a collected unit reads as "inactive,
// success, 0", the same as one that never ran (library-facts 5.1).
struct UnitSnapshot {
  std::string name;
  std::string load_state;  // "not-found", "loaded", "masked", …
  std::string active_state, sub_state, result;
  std::string invocation;        // hex
  std::string status_text;       // what it says of itself (sd_notify); not to be believed
  std::string fragment_path;     // below /run/systemd/transient for ours
  std::string control_group;     // "/klubster.slice/…"; empty once nothing runs in it
  std::int32_t exec_code = 0;    // CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3; 0: never ran
  std::int32_t exec_status = 0;  // exit code or signal
  std::uint64_t exec_start_usec = 0, exec_exit_usec = 0;  // CLOCK_MONOTONIC
  std::optional<std::uint64_t> cpu_nsec, memory_peak_bytes, io_read_bytes, io_write_bytes;
  bool queued = false;               // systemd has a job for it
  bool manager_stopping = false;     // the machine goes down: a death now is no failure
  std::optional<Error> start_error;  // StartTransientUnit was refused

  bool found() const { return load_state != "not-found"; }
};

}  // namespace klubster
