// What a unit's snapshot means.
#pragma once

#include <string>

#include "base/json.h"
#include "engine/unit.h"

namespace klubster {

enum class UnitPhase {
  kUnknown,    // systemd has not answered, or the answer means nothing yet
  kAbsent,     // no such unit: never started, or its result is lost
  kRunning,    // a task that works, a service that starts
  kUp,         // a service that is active
  kSucceeded,  // a task that ended well
  kFailed,
};

struct Outcome {
  UnitPhase phase = UnitPhase::kUnknown;
  std::string reason, message;  // of a failure: a row of the reasons table, and what happened
  int exit_code = 0;
  // Of a worker (docs/architecture.md, "Workers"): it ended as agreed, so its result says how it
  // went. Any other end is a crash.
  bool left_a_result() const {
    return phase == UnitPhase::kSucceeded || (reason == "ExitCode" && exit_code == 1);
  }
  // Nothing of its own ran: what it ended with is not its own answer.
  bool could_not_be_set_up() const {
    return phase == UnitPhase::kFailed &&
           (reason == "SetupFailed" || reason == "UnitExists" || reason == "UnitMasked");
  }
};

// `service`: active means up; otherwise (Type=oneshot, RemainAfterExit=yes) only "exited" is
// success. Exit codes that count as success were given to systemd in SuccessExitStatus.
Outcome classify(const UnitSnapshot& unit, bool service);

// {"wallUsec", "cpuUsec", "memoryPeakBytes", …}: what the machine did not account is absent.
Json cost_of(const UnitSnapshot& unit);

}  // namespace klubster
