// The cluster as a whole: its members, Core's own validation, its backup.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "core/cluster.h"
#include "core/core_run.h"
#include "core/stack_health.h"
#include "core/verbs.h"
#include "core/wait_until.h"
#include "linux/files.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::size_t kReportBytes = 8 * 1024 * 1024;
constexpr std::uint64_t kNodesUsec = 600'000'000;
constexpr std::uint64_t kStackUsec = 900'000'000;  // what Rancher is given

std::string lacking_nodes(const Call& call) {
  const auto listed = list_nodes();
  if (!listed) return "the API does not list its nodes";
  std::vector<ClusterMember> members;
  for (const auto& member : call.members) {
    if (!member.modes.empty()) members.push_back(member);
  }
  return difference(*listed, members);
}

// Core's manifest tells it which optional parts were asked for; it lies with the step that ran it.
std::string runs_of(const Call& call) {
  const std::string own = "/steps/";
  const auto at = call.core().find(own);
  const std::string root = at == std::string::npos ? "" : call.core().substr(0, at + own.size());
  return root + call.mode() + "/install/runs";
}

bool has_stack(const Call& call) {
  return call.mode() == "stack" || call.mode() == "single-node";
}

// Core warns of pods that did not come in time, and goes on.
Status validate_stack(const Call& call) {
  const std::uint64_t limit = std::min(kStackUsec, patience_usec(call, "stack"));
  auto good = wait_until(limit, "NotReady", [&] { return lacking_of_stack(call); });
  if (good) say("the stack is available, and answers");
  return good;
}

}  // namespace

Status nodes(const Call& call) {
  auto good = wait_until(kNodesUsec, "NotReady", [&] { return lacking_nodes(call); });
  if (good) say("the cluster has exactly its members, and all are Ready");
  return good;
}

Status validate(const Call& call) {
  auto bundle = look_at_bundle(call.core(), false);
  if (!bundle) return bundle.error();
  if (auto entered = enter_step(call); !entered) return entered;
  if (const auto wrong = lacking_nodes(call); !wrong.empty()) {
    return Error(ErrorKind::kUnavailable, "NotReady", wrong);
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  ::setenv("PRODUCTIVE_K3S_RUNS_DIR", runs_of(call).c_str(), 1);
  const auto ran = run_program({"/bin/bash", bundle->validate_script(), "--json"}, kReportBytes);
  if (!ran) return ran.error();
  const auto json = json_among(ran->text);
  if (!json) {
    return Error(
        ErrorKind::kUnavailable, "CoreFailed",
        "Core's validation ended with exit code " + std::to_string(ran->code) + " and no JSON");
  }
  std::vector<std::string> failures;
  for (const auto& result : json->items("results")) {
    const std::string told = printable(result.text_or("message"), 300);
    if (result.text_or("level") == "fail") failures.push_back(told);
    if (result.text_or("level") == "warn") say("warning: " + told);
  }
  const std::string status = json->text_or("status");
  if (ran->code == 0 && failures.empty() && (status == "ok" || status == "warn")) {
    say("Core's validation: " + status);
    return has_stack(call) ? validate_stack(call) : Status();
  }
  return Error(ErrorKind::kUnavailable, "CoreFailed",
               "Core's validation: " + printable(status, 40) + ": " + join(failures, "; "));
}

Status backup(const Call& call) {
  auto bundle = look_at_bundle(call.core(), false);
  if (!bundle) return bundle.error();
  if (auto entered = enter_step(call); !entered) return entered;
  const auto ran =
      run_program({"/bin/bash", bundle->backup_script(), call.state_dir + "/backup"}, kReportBytes);
  if (!ran) return ran.error();
  if (ran->code != 0) {
    return Error(ErrorKind::kUnavailable, "CoreFailed",
                 "Core's backup ended with exit code " + std::to_string(ran->code));
  }
  // It ignores what it could not read: an archive is the least that there must be.
  const std::string archive = call.state_dir + "/backup.tar.gz";
  if (!exists(archive)) {
    return Error(ErrorKind::kUnavailable, "CoreFailed",
                 "Core reports success, but " + archive + " is not there");
  }
  say("backup: " + archive + ", with all secrets of the cluster, for root alone");
  return {};
}

}  // namespace klubster
