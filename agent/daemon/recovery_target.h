// klubster-recovery.target: what an image starts beside the agent in recovery mode (ssh, …).
#pragma once

#include <optional>

#include "linux/bus.h"

namespace klubster {

// Level-triggered: told again what it is told already, it does nothing. A new process says it once
// more.
class RecoveryTarget {
 public:
  explicit RecoveryTarget(Bus& bus) : bus_(bus) {}
  void want(bool reached);

 private:
  Bus& bus_;
  std::optional<bool> told_;
};

}  // namespace klubster
