// Making status, plan and record.
#include "daemon/status.h"

#include <algorithm>

#include "base/reason.h"
#include "base/text.h"
#include "base/version.h"

namespace klubster {

namespace {

constexpr std::size_t kMessageBytes = 512;

Condition condition(std::string type, std::string phase, bool holds, std::string reason,
                    std::string message, const std::string& now) {
  Condition made;
  made.type = std::move(type);
  made.phase = std::move(phase);
  made.status = holds ? ConditionStatus::kTrue : ConditionStatus::kFalse;
  made.reason = std::move(reason);
  std::replace(message.begin(), message.end(), '\n', ';');  // several mistakes, one line
  made.message = printable(message, kMessageBytes);
  made.last_transition_time = now;
  return made;
}

// "Waiting: server Ready at any of n1, n2"; empty for a step that is where it should be.
std::string step_text(const StepView& view) {
  if (view.settled()) return "";
  std::string text = view.subject + ": ";
  if (view.progress == StepProgress::kWaiting) {
    text += "waiting for " + view.message;
  } else {
    text += std::string(to_string(view.progress));
    if (!view.message.empty()) text += " (" + view.message + ")";
  }
  return text;
}

// The step of a phase that a person should look at: a failed one before one that moves.
const StepView* telling_view(const Scene& scene, const std::string& phase) {
  const StepView* first = nullptr;
  for (const auto& view : scene.decision.views) {
    if (view.subject.rfind(phase + "/", 0) != 0 || view.settled()) continue;
    const bool failed =
        view.progress == StepProgress::kFailed || view.progress == StepProgress::kNeedsPerson;
    if (failed) return &view;
    if (first == nullptr) first = &view;
  }
  return first;
}

Condition phase_condition(const Scene& scene, const std::string& phase, const std::string& now) {
  if (!scene.plan) return condition("Ready", phase, false, "NoPlan", "no profile yet", now);
  const StepView* view = telling_view(scene, phase);
  if (view == nullptr) return condition("Ready", phase, true, "StepsDone", "", now);
  std::string reason = view->reason;
  if (reason.empty()) {
    reason = view->progress == StepProgress::kWaiting ? "Waiting" : "InProgress";
  }
  return condition("Ready", phase, false, reason, step_text(*view), now);
}

const Error* problem_about(const Scene& scene, const std::string& topic) {
  const auto found = scene.problems.find(topic);
  return found == scene.problems.end() ? nullptr : &found->second;
}

Condition profile_condition(const Scene& scene, const std::string& now) {
  const auto& acquisition = scene.acquisition;
  const Error* problem = problem_about(scene, "profile");
  if (problem == nullptr) problem = problem_about(scene, "config");
  if (!acquisition.acquired && acquisition.doing.empty() && problem != nullptr) {
    return condition("ProfileReady", "", false, problem->reason(), problem->message(), now);
  }
  if (acquisition.acquired) return condition("ProfileReady", "", true, "Verified", "", now);
  const std::string message = acquisition.message.empty() ? acquisition.doing : acquisition.message;
  const std::string reason = acquisition.reason.empty() ? "InProgress" : acquisition.reason;
  return condition("ProfileReady", "", false, reason, message, now);
}

Json problem_json(const Error& error) {
  return Json::Object{
      {"reason", error.reason()}, {"message", error.message()}, {"next", next_step(error)}};
}

Json problem_json(const std::string& reason, const std::string& message) {
  return problem_json(Error(ErrorKind::kInvalid, reason, message));
}

Json problems_json(const Scene& scene) {
  Json problems = Json::array();
  for (const auto& [topic, error] : scene.problems)
    problems.push_back(problem_json(error));
  if (!scene.acquisition.reason.empty()) {
    problems.push_back(problem_json(scene.acquisition.reason, scene.acquisition.message));
  }
  for (const auto& view : scene.decision.views) {
    if (view.reason.empty() || view.settled()) continue;
    problems.push_back(problem_json(view.reason, view.subject + ": " + view.message));
  }
  if (!scene.damage.empty()) problems.push_back(problem_json("LogDamaged", scene.damage));
  return problems;
}

Json step_json(const Step& step, const StepView& view, const NodeState& state) {
  const SubjectState& past = state.subject(step.subject);
  Json json = Json::object();
  json["phase"] = step.phase;
  json["id"] = step.spec.id;
  json["kind"] = step.service() ? "service" : "task";
  json["state"] = to_string(view.progress);
  json["attempt"] = view.attempt;
  json["of"] = step.spec.retry.attempts;
  json["since"] = past.changed_time_usec == 0 ? "" : utc_text(past.changed_time_usec);
  json["message"] = view.message;
  json["reason"] = view.reason;
  json["unit"] = view.unit;
  return json;
}

std::string plan_why(const Step& step, const SubjectState& past, const StepView& view) {
  if (view.progress == StepProgress::kWaiting) return "waits for " + view.message;
  if (past.done_fingerprint.empty()) return "never succeeded";
  if (past.done_fingerprint != step.fingerprint) return "definition, inputs or files changed";
  return "";
}

Json plan_step_json(const Step& step, const StepView& view, const NodeState& state) {
  const SubjectState& past = state.subject(step.subject);
  const bool current = !step.fingerprint.empty() && past.done_fingerprint == step.fingerprint;
  std::string action = "run";
  if (step.skipped) {
    action = "skip";
  } else if (view.settled() && current) {
    action = "keep";
  } else if (view.progress == StepProgress::kWaiting) {
    action = "wait";
  } else if (view.progress == StepProgress::kUndoing || view.progress == StepProgress::kUndone) {
    action = "undo";
  } else if (step.service()) {
    action = past.run && !current ? "restart" : "start";
  }
  return Json::Object{
      {"phase", step.phase},
      {"id", step.spec.id},
      {"action", action},
      {"why", action == "skip" ? "when does not hold" : plan_why(step, past, view)}};
}

Json profile_json(const NodeState& state) {
  if (!state.generation) return nullptr;
  return Json::Object{{"name", state.generation->profile_name},
                      {"version", state.generation->profile_version},
                      {"sha256", state.generation->profile_sha256}};
}

// Null while nothing is downloaded.
Json download_json(const Scene& scene) {
  const auto& progress = scene.acquisition.progress;
  if (!progress) return nullptr;
  Json json = Json::object();
  json["bytes"] = progress->bytes;
  if (progress->total > 0) json["total"] = progress->total;
  json["bytesPerSecond"] = progress->bytes_per_second;
  if (const auto left = progress->left_sec()) json["leftSeconds"] = *left;
  return json;
}

}  // namespace

std::vector<Condition> conditions_of(const Scene& scene, std::vector<Condition> before,
                                     const std::string& now) {
  std::vector<Condition> wanted;
  const bool valid = scene.state.config_reason.empty();
  wanted.push_back(condition("ConfigValid", "", valid,
                             valid ? "Resolved" : scene.state.config_reason,
                             scene.state.config_message, now));
  if (scene.config.profile.assigned()) wanted.push_back(profile_condition(scene, now));
  wanted.push_back(condition("StateSound", "", scene.damage.empty(),
                             scene.damage.empty() ? "LogVerified" : "LogDamaged", scene.damage,
                             now));
  const Error* plan = problem_about(scene, "plan");
  if (plan != nullptr && (plan->reason() == "InputMissing" || plan->reason() == "ModeMissing" ||
                          plan->reason() == "ManifestInvalid")) {
    wanted.push_back(condition("ProfileFits", "", false, plan->reason(), plan->message(), now));
  }
  if (const Error* media = problem_about(scene, "media")) {
    wanted.push_back(condition("MediaImported", "", false, media->reason(), media->message(), now));
  }
  if (scene.state.gone) {
    wanted.push_back(condition("Left", "", true, "Left", "this node has left the cluster", now));
  }
  // Those that are worked on; what a newer config says of them comes with its generation.
  for (const auto& phase : scene.plan ? scene.plan->phases : scene.config.modes) {
    wanted.push_back(phase_condition(scene, phase, now));
  }
  // What is no longer said goes; what stays keeps its time.
  std::vector<Condition> conditions;
  for (auto& next : wanted) {
    if (const auto* old = find_condition(before, next.type, next.phase)) conditions.push_back(*old);
    set_condition(conditions, std::move(next));
  }
  return conditions;
}

Json status_json(const Scene& scene, const std::vector<Condition>& conditions) {
  const NodeState& state = scene.state;
  Json json = Json::object();
  json["node"] = scene.config.node;
  json["ready"] = scene.plan && scene.decision.ready && !state.gone;
  json["boot"]["id"] = state.boot;
  json["boot"]["kind"] = state.boot_kind;
  json["boot"]["reason"] = state.boot_reason;
  json["generation"] = state.generation ? state.generation->number : 0;
  json["lastGood"] = state.last_good_generation;
  json["profile"] = profile_json(state);
  json["configHash"] = scene.config.config_hash;
  json["leaving"] = state.leaving;
  json["download"] = download_json(scene);
  json["conditions"] = Json::array();
  for (const auto& item : conditions)
    json["conditions"].push_back(to_json(item));
  json["steps"] = Json::array();
  for (const auto& view : scene.decision.views) {
    const Step* step = scene.plan ? scene.plan->find(view.subject) : nullptr;
    if (step != nullptr) json["steps"].push_back(step_json(*step, view, state));
  }
  json["problems"] = problems_json(scene);
  json["version"] = kVersion;
  return json;
}

Json plan_json(const Scene& scene) {
  Json json = Json::object();
  json["generation"] = scene.state.generation ? scene.state.generation->number : 0;
  json["configHash"] = scene.config.config_hash;
  json["profile"] = profile_json(scene.state);
  json["steps"] = Json::array();
  bool changes = false;
  for (const auto& view : scene.decision.views) {
    const Step* step = scene.plan ? scene.plan->find(view.subject) : nullptr;
    if (step == nullptr) continue;
    Json item = plan_step_json(*step, view, scene.state);
    const std::string action = item.text_or("action");
    changes = changes || (action != "keep" && action != "skip");
    json["steps"].push_back(std::move(item));
  }
  const auto& generation = scene.state.generation;
  const bool pending = scene.config.profile.assigned() &&
                       (!generation || generation->config_hash != scene.config.config_hash);
  json["changes"] = changes || pending;
  json["problems"] = problems_json(scene);
  return json;
}

Json record_body(const Scene& scene, const std::vector<Condition>& conditions) {
  Json body = Json::object();
  body["generation"] = scene.state.generation ? scene.state.generation->number : 0;
  if (scene.state.generation) body["profile"] = profile_json(scene.state);
  body["conditions"] = Json::array();
  for (const auto& item : conditions)
    body["conditions"].push_back(to_json(item));
  body["versions"]["klubster"] = kVersion;

  std::uint64_t number = 0;
  for (const auto& view : scene.decision.views) {
    ++number;
    if (view.settled()) continue;
    const Step* step = scene.plan ? scene.plan->find(view.subject) : nullptr;
    if (step == nullptr) break;
    Json& shown = body["step"];
    shown["phase"] = step->phase;
    shown["id"] = step->spec.id;
    shown["n"] = number;
    shown["of"] = scene.decision.views.size();
    shown["attempt"] = view.attempt;
    shown["waitingFor"] =
        view.progress == StepProgress::kWaiting ? printable(view.message, kMessageBytes) : "";
    break;
  }
  return body;
}

}  // namespace klubster
