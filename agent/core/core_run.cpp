// Surroundings, one conversation, one manifest.
#include "core/core_run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/names.h"
#include "base/text.h"
#include "core/dialogue.h"
#include "linux/files.h"
#include "model/core_run.h"

namespace klubster {

namespace {

constexpr std::size_t kManifestBytes = 1024 * 1024;
constexpr std::size_t kKeptRuns = 20;
constexpr const char* kPatience = "PRODUCTIVE_K3S_REMOTE_BOOTSTRAP_IDLE_TIMEOUT_SECONDS";

void set(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
}

// Who runs Core hears of it from klubsterd, which sends what is to be told, later if need be, and
// with the token in no argument: an empty endpoint means to Core that it sends nothing itself.
void set_telemetry() {
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  const char* session = std::getenv("KLUBSTER_TELEMETRY_SESSION");
  const char* parent = std::getenv("KLUBSTER_TELEMETRY_PARENT");
  // NOLINTEND(concurrency-mt-unsafe)
  set("TELEMETRY_ENABLED", session == nullptr ? "false" : "true");
  set("TELEMETRY_ENDPOINT", "");
  if (session == nullptr) return;
  set("TELEMETRY_SESSION_ID", session);
  set("TELEMETRY_PARENT_RUN_ID", parent == nullptr ? "" : parent);
  set("TELEMETRY_COMPONENT", "core");
}

bool is_manifest(const std::string& name) {
  return name.ends_with(".json") && (name.starts_with("apply-") || name.starts_with("bootstrap-"));
}

// What anybody may see of it, for klubsterd; the manifest and its private context stay in runs/,
// for root alone. Of those only the newest ones: a step may fail for weeks.
Status keep_run(const Call& call, const Json& run) {
  const Json kept = Json::Object{{"v", 1}, {"unit", call.unit}, {"run", public_core_run(run)}};
  auto written = write_file_durably(call.state_dir + "/" + std::string(names::kCoreRunFile),
                                    kept.dump() + "\n", 0600);
  if (!written) return written;
  const std::string place = call.state_dir + "/runs";
  std::vector<std::string> manifests;
  const auto names = list_directory(place);
  for (const auto& name : names ? *names : std::vector<std::string>()) {
    if (is_manifest(name)) manifests.push_back(name);
  }
  // Their names begin with their time.
  while (manifests.size() > kKeptRuns) {
    const std::string file = place + "/" + manifests.front();
    (void)remove_file(file);  // the next run tries again
    (void)remove_file(file.substr(0, file.size() - std::string(".json").size()) +
                      ".private-context");
    manifests.erase(manifests.begin());
  }
  return {};
}

}  // namespace

Error core_failed(const std::string& message) {
  return {ErrorKind::kUnavailable, "CoreFailed", message};
}

Status enter_step(const Call& call) {
  if (call.state_dir.empty() || ::chdir(call.state_dir.c_str()) < 0) {
    return system_error("going to the step's directory `" + call.state_dir + "`", errno);
  }
  ::umask(0077);
  set("HOME", "/root");
  set("NO_COLOR", "1");
  set("TERM", "dumb");
  set("DEBIAN_FRONTEND", "noninteractive");
  set_telemetry();
  // Nobody is there to be asked again once the plan is approved.
  set("PRODUCTIVE_K3S_AUTO_APPROVE_PREFLIGHT_WARNINGS", "true");
  return {};
}

std::uint64_t patience_usec(const Call& call, const std::string& mode) {
  const auto given = parse_number(call.input(kPatience), 86'400);
  const std::uint64_t seconds = mode == "server" ? 600 : mode == "agent" ? 300 : 1200;
  return (given && *given > 0 ? *given : seconds) * 1'000'000;
}

Status run_core(const Call& call, const CoreBundle& bundle, const std::string& mode,
                const std::vector<std::string>& argv, const CoreAnswers& answers) {
  Interview interview(questions_of(bundle.generation, mode, answers));
  const std::vector<std::string> secrets = {answers.token, answers.rancher_password,
                                            answers.registry_password};
  const Json before = last_run(call.state_dir);
  auto code = converse(argv, interview, secrets, {.idle_usec = patience_usec(call, mode)});
  if (!code) return std::move(code.error()).in("Core, mode " + mode);
  const Json run = last_run(call.state_dir);
  const bool told = !run.is_null() && run.text_or("run_id") != before.text_or("run_id");
  if (told) {
    say("Core run " + core_run_text(run));
    if (auto kept = keep_run(call, run); !kept) return kept;
  }
  if (*code != 0) {
    const std::string at =
        told && !run.text_or("current_step").empty() ? " at " + run.text_or("current_step") : "";
    return core_failed("Core, mode " + mode + ", ended with exit code " + std::to_string(*code) +
                       printable(at, 80));
  }
  if (const auto unasked = interview.unasked(); !unasked.empty()) {
    return core_failed("Core, mode " + mode + ", ended with exit code 0 and never asked `" +
                       unasked + "`: it has done nothing");
  }
  if (told && core_run_succeeded(run)) return {};
  return core_failed("Core, mode " + mode +
                     ", ended with exit code 0 and left no manifest of a run that " +
                     "succeeded in " + call.state_dir + "/runs");
}

Result<Json> json_among(const std::string& text) {
  const auto end = text.rfind('}');
  if (end != std::string::npos) {
    for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
      if (at > 0 && text[at - 1] != '\n') continue;
      auto json = parse_json(text.substr(at, end + 1 - at), {.bytes = kManifestBytes, .depth = 16});
      if (json && json->as_object() != nullptr) return json;
    }
  }
  return Error(ErrorKind::kInvalid, "BadJson", "expected a JSON object, found none");
}

Json last_run(const std::string& state_dir) {
  const std::string place = state_dir + "/runs";
  const auto names = list_directory(place);
  auto newest = std::filesystem::file_time_type::min();
  Json found;
  for (const auto& name : names ? *names : std::vector<std::string>()) {
    if (!is_manifest(name)) continue;
    std::error_code gone;
    const auto time = std::filesystem::last_write_time(place + "/" + name, gone);
    if (gone || time < newest) continue;
    const auto text = read_file(place + "/" + name, kManifestBytes);
    auto json = text ? parse_json(*text, {.bytes = kManifestBytes}) : Result<Json>(text.error());
    if (!json) continue;  // of a machine that went down while it was written
    newest = time;
    found = std::move(*json);
  }
  return found;
}

}  // namespace klubster
