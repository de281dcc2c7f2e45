// Classifying units. The table of cases is library-facts 5.1, measured on systemd 252.
#include "engine/outcome.h"

namespace klubster {

namespace {

// systemd's own exit codes (systemd.exec(5), "Process Exit Codes"): the process was not set up.
// Programs end with 255 themselves, as ssh does.
constexpr int kFirstSetupCode = 200, kLastSetupCode = 245;
constexpr int kExited = 1;  // CLD_EXITED

Outcome failed(std::string reason, std::string message, int exit_code = 0) {
  return {UnitPhase::kFailed, std::move(reason), std::move(message), exit_code};
}

Outcome classify_failure(const UnitSnapshot& unit) {
  const std::string status = std::to_string(unit.exec_status);
  if (unit.result == "timeout") return failed("TimedOut", "did not end within its time");
  if (unit.result == "oom-kill") return failed("OomKilled", "killed because memory ran out");
  if (unit.result == "watchdog") return failed("TimedOut", "stopped answering its watchdog");
  if (unit.result == "core-dump") {
    return failed("KilledBySignal", "dumped core by signal " + status);
  }
  if (unit.result == "signal") return failed("KilledBySignal", "killed by signal " + status);
  if (unit.exec_code == kExited && unit.exec_status >= kFirstSetupCode &&
      unit.exec_status <= kLastSetupCode) {
    return failed("SetupFailed",
                  "systemd could not set it up (exit status " + status + " of systemd.exec(5))",
                  unit.exec_status);
  }
  if (unit.result == "exit-code") {
    return failed("ExitCode", "ended with exit code " + status, unit.exec_status);
  }
  return failed("SetupFailed", "systemd says: " + unit.result);
}

}  // namespace

Outcome classify(const UnitSnapshot& unit, bool service) {
  if (unit.start_error) {
    const std::string& reason = unit.start_error->reason();
    const bool told = reason == "UnitExists" || reason == "UnitMasked";
    return failed(told ? reason : "SetupFailed", unit.start_error->message());
  }
  // Before anything else: a collected unit reads as success.
  if (!unit.found()) return {UnitPhase::kAbsent, "UnitLost", "the unit is gone", 0};
  const bool dead = unit.active_state == "failed" || unit.active_state == "inactive";
  if (dead && unit.manager_stopping) return {UnitPhase::kRunning, "", "", 0};
  if (dead && unit.queued) return {UnitPhase::kRunning, "", "", 0};
  if (unit.active_state == "failed") return classify_failure(unit);
  if (unit.active_state == "activating" || unit.active_state == "reloading" ||
      unit.active_state == "deactivating") {
    return {UnitPhase::kRunning, "", "", 0};
  }
  if (unit.active_state == "active") {
    if (service) return {UnitPhase::kUp, "", "", 0};
    if (unit.sub_state == "exited" && unit.exec_code == kExited) {
      return {UnitPhase::kSucceeded, "", "", unit.exec_status};
    }
    return {UnitPhase::kRunning, "", "", 0};
  }
  if (unit.active_state == "inactive" && unit.exec_code != 0) {
    if (service) return failed("ServiceExited", "ended, although it should keep running");
    return failed("UnitLost", "was stopped by somebody");
  }
  return {};
}

Json cost_of(const UnitSnapshot& unit) {
  Json cost = Json::object();
  if (unit.exec_exit_usec > unit.exec_start_usec && unit.exec_start_usec > 0) {
    cost["wallUsec"] = unit.exec_exit_usec - unit.exec_start_usec;
  }
  if (unit.cpu_nsec) cost["cpuUsec"] = *unit.cpu_nsec / 1000;
  if (unit.memory_peak_bytes) cost["memoryPeakBytes"] = *unit.memory_peak_bytes;
  if (unit.io_read_bytes) cost["ioReadBytes"] = *unit.io_read_bytes;
  if (unit.io_write_bytes) cost["ioWriteBytes"] = *unit.io_write_bytes;
  return cost;
}

}  // namespace klubster
