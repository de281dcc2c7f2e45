// Core's host checks and ours, before anything changes anywhere.
#include <algorithm>

#include "base/text.h"
#include "core/cluster.h"
#include "core/core_run.h"
#include "core/verbs.h"
#include "core/version.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::size_t kAnswerBytes = 1024 * 1024;

Error refused(const std::string& message) {
  return {ErrorKind::kInvalid, "CoreRefused", message};
}

bool is_packaged(const Call& call) {
  return !call.input("PRODUCTIVE_K3S_STACK_TGZ_URL").empty() ||
         !call.input("PRODUCTIVE_K3S_STACK_REMOTE_PATH").empty();
}

Status check_versions(const Call& call, const CoreBundle& bundle) {
  const VersionBounds bounds{call.input("PRODUCTIVE_K3S_VERSION"), call.option("--min-version"),
                             call.option("--below-version")};
  const std::string wrong = version_mistake(bundle.version, bounds);
  if (wrong.empty()) return {};
  return refused("Core bundle: " + wrong)
      .hint("core/path or core/url with that version, or inputs/PRODUCTIVE_K3S_VERSION");
}

// Core has a stack in itself up to 0.9.4; later it wants its sources, or in mode stack a package.
Status check_stack_source(const Call& call, const CoreBundle& bundle, const std::string& mode) {
  const bool built_in = bundle.generation == CoreGeneration::kBootstrap;
  if (built_in || !call.input("PRODUCTIVE_K3S_ADDONS_REPO_DIR").empty()) return {};
  if (mode == "stack" && is_packaged(call)) return {};
  if (is_packaged(call)) {
    return refused(
        "Core takes a packaged stack in mode stack only: expected the modes `server "
        "stack`, found single-node");
  }
  return Error(ErrorKind::kInvalid, "InputMissing",
               "expected where the stack comes from in inputs/PRODUCTIVE_K3S_STACK_TGZ_URL, "
               "inputs/PRODUCTIVE_K3S_STACK_REMOTE_PATH or inputs/PRODUCTIVE_K3S_ADDONS_REPO_DIR, "
               "found none");
}

// Where packages cannot be installed, Core can only take over what runs already.
Status check_reuse(const std::string& mode) {
  if (mode == "stack") return {};  // the server before it
  const bool runs =
      mode == "agent" ? is_active(kAgentUnit) : is_active(kServerUnit) && has_program("helm");
  if (runs) return {};
  const std::string unit = mode == "agent" ? kAgentUnit : kServerUnit;
  return refused(
      "Core cannot install on this system (no apt-get), and there is nothing that it "
      "could take over: expected " +
      unit + " active" + (mode == "agent" ? "" : " and helm in steps/path.d") +
      ", from the image or from a profile with `unitName: " + unit + "`");
}

Status ask_core(const CoreBundle& bundle, const std::string& mode) {
  const auto ran = run_program(
      {"/bin/bash", bundle.script("preflight-host.sh"), "--mode", mode, "--json-output"},
      kAnswerBytes);
  if (!ran) return ran.error();
  const auto json = json_among(ran->text);
  if (!json) {
    return refused("Core's host checks for mode " + mode + " ended with exit code " +
                   std::to_string(ran->code) + " and no JSON");
  }
  std::vector<std::string> failures;
  for (const auto& result : json->items("results")) {
    const std::string level = result.text_or("level");
    const std::string told = printable(result.text_or("message"), 300);
    if (level == "fail") failures.push_back(told);
    if (level == "warn") say("warning (" + mode + "): " + told);
  }
  const bool failed = json->get("summary").integer_or("fail_count") > 0 || ran->code != 0;
  if (!failed) return {};
  return refused(
      "Core's host checks for mode " + mode + " failed: " +
      (failures.empty() ? "exit code " + std::to_string(ran->code) : join(failures, "; ")));
}

Status check_mode(const Call& call, const CoreBundle& bundle, const std::string& mode) {
  const bool has_stack = mode == "stack" || mode == "single-node";
  if (has_stack) {
    if (auto source = check_stack_source(call, bundle, mode); !source) return source;
  }
  if (mode == "agent" && is_active(kServerUnit)) {
    return refused(std::string(kServerUnit) + " runs here: a node is a server or an agent")
        .hint("an agent's unit is " + std::string(kAgentUnit));
  }
  if (!has_program("apt-get") || !has_program("dpkg")) return check_reuse(mode);
  return ask_core(bundle, mode);
}

}  // namespace

Status preflight(const Call& call) {
  const bool for_stack =
      is_packaged(call) && std::count(call.modes.begin(), call.modes.end(), "stack") > 0;
  auto bundle = look_at_bundle(call.core(), for_stack);
  if (!bundle) return bundle.error();
  if (auto entered = enter_step(call); !entered) return entered;
  if (auto fits = check_versions(call, *bundle); !fits) return fits;
  // A server without agents is looked at as one node that does everything, as the driver does.
  for (const auto& mode : call.modes) {
    if (auto good = check_mode(call, *bundle, mode); !good) return good;
  }
  say("Core " + bundle->version + " may work here: " + join(call.modes, ", "));
  return {};
}

}  // namespace klubster
