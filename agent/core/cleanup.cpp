// Removing K3s from this node: by Core's own cleanup, or by K3s' uninstaller where the bundle has
// none (0.9.4); then the proof that nothing runs any more.
#include <filesystem>

#include "core/cluster.h"
#include "core/core_run.h"
#include "core/dialogue.h"
#include "core/verbs.h"
#include "core/wait_until.h"
#include "linux/files.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::uint64_t kStopUsec = 60'000'000;
constexpr std::size_t kOutputBytes = 1024 * 1024;

const char* unit_of(const std::string& mode) {
  return mode == "agent" ? kAgentUnit : kServerUnit;
}

Status by_uninstaller(const std::string& mode) {
  const std::string program =
      mode == "agent" ? "/usr/local/bin/k3s-agent-uninstall.sh" : "/usr/local/bin/k3s-uninstall.sh";
  if (!exists(program)) return {};
  const auto ran = run_program({program}, kOutputBytes);
  if (!ran) return ran.error();
  if (ran->code == 0) return {};
  return Error(ErrorKind::kUnavailable, "CoreFailed",
               program + " ended with exit code " + std::to_string(ran->code));
}

Status by_core(const CoreBundle& bundle) {
  Interview interview(cleanup_questions());
  const auto code = converse({"/bin/bash", bundle.cleanup_script(), "--apply"}, interview, {}, {});
  if (!code) return Error(code.error()).in("Core's cleanup");
  if (*code == 0) return {};
  return Error(ErrorKind::kUnavailable, "CoreFailed",
               "Core's cleanup ended with exit code " + std::to_string(*code));
}

}  // namespace

Status cleanup(const Call& call) {
  const std::string mode = call.mode();
  const auto forget_runs = [&] {
    // The next install begins its own; what was before stays for who looks.
    std::error_code ignored;  // there may be none
    std::filesystem::remove_all(call.state_dir + "/runs.before", ignored);
    (void)rename_durably(call.state_dir + "/runs", call.state_dir + "/runs.before");
  };
  if (mode == "stack") {
    forget_runs();
    return {};
  }
  auto bundle = look_at_bundle(call.core(), false);
  if (auto entered = enter_step(call); !entered) return entered;
  if (bundle && !bundle->cleanup_script().empty()) {
    if (auto cleaned = by_core(*bundle); !cleaned) return cleaned;
  }
  // Core's cleanup knows the server's uninstaller alone.
  if (auto removed = by_uninstaller(mode); !removed) return removed;
  const std::string unit = unit_of(mode);
  auto gone = wait_until(kStopUsec, "CoreFailed",
                         [&] { return is_active(unit) ? unit + " is still active" : ""; });
  if (!gone) return gone;
  forget_runs();
  say("K3s is removed from this node");
  return {};
}

}  // namespace klubster
