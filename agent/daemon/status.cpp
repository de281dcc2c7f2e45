// Making conditions, status and record.
#include "daemon/status.h"

#include <algorithm>

#include "base/reason.h"
#include "base/text.h"
#include "base/utc_time.h"
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
    if (view.failed()) return &view;
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

// What single steps of a phase say of it: peers may wait for that instead of for the whole phase.
void add_step_conditions(const Scene& scene, const std::string& phase, const std::string& now,
                         std::vector<Condition>& conditions) {
  if (!scene.plan) return;
  for (const auto& view : scene.decision.views) {
    const Step* step = scene.plan->find(view.subject);
    if (step == nullptr || step->phase != phase || step->spec.condition.empty()) continue;
    std::string reason = view.settled() ? "StepDone" : view.reason;
    if (reason.empty()) reason = "InProgress";
    conditions.push_back(
        condition(step->spec.condition, phase, view.settled(), reason, step_text(view), now));
  }
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

// What could not be read back, or cannot be written.
Condition state_condition(const Scene& scene, const std::string& now) {
  for (const char* topic : {"state", "facts", "generation"}) {
    const Error* problem = problem_about(scene, topic);
    if (problem != nullptr) {
      return condition("StateSound", "", false, problem->reason(), problem->message(), now);
    }
  }
  const bool sound = scene.damage.empty();
  return condition("StateSound", "", sound, sound ? "LogVerified" : "LogDamaged", scene.damage,
                   now);
}

Json problem_json(const Error& error) {
  return Json::Object{
      {"reason", error.reason()}, {"message", error.message()}, {"next", next_step(error)}};
}

Json problem_json(const std::string& reason, const std::string& message) {
  return problem_json(Error(ErrorKind::kInvalid, reason, message));
}

// What to type names the step.
Json problem_json(const StepView& view) {
  Json problem = problem_json(view.reason, view.subject + ": " + view.message);
  std::string next = problem.text_or("next");
  const auto at = next.find("STEP");
  if (at != std::string::npos) problem["next"] = next.replace(at, 4, view.subject);
  return problem;
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
  if (const auto command = state.commands.find(step.spec.id); step.phase == kCommandPhase) {
    json["request"] = command->second.seq;
    json["by"] = command->second.by;
  }
  return json;
}

Json step_list(const Scene& scene, const std::vector<StepView>& views) {
  Json list = Json::array();
  if (!scene.plan) return list;
  const std::vector<Step>& steps = scene.plan->steps;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const StepView& view = views[i];
    // Mostly they are the plan's own steps, in its order.
    const bool same = i < steps.size() && steps[i].subject == view.subject;
    const Step* step = same ? &steps[i] : scene.plan->find(view.subject);
    if (step != nullptr) list.push_back(step_json(*step, view, scene.state));
  }
  return list;
}

// Null while nobody's apply is under way.
Json applying_json(const NodeState& state) {
  if (!state.applying) return nullptr;
  return Json::Object{{"by", state.applying->by}, {"since", utc_text(state.applying->since_usec)}};
}

// Null outside of recovery mode.
Json recovery_json(const NodeState& state) {
  if (!state.recovery) return nullptr;
  return Json::Object{{"reason", state.recovery->reason},
                      {"message", state.recovery->message},
                      {"by", state.recovery->by},
                      {"since", utc_text(state.recovery->since_usec)}};
}

// Of a server, and of who knows its cluster.
std::optional<Condition> cluster_condition(const Scene& scene, const std::string& now) {
  const auto& cluster = scene.state.cluster;
  const FormingDecision* forming = scene.forming;
  const auto made = [&](bool holds, const char* reason, const std::string& message) {
    return condition("InCluster", "", holds, reason, message, now);
  };
  if (const Error* problem = problem_about(scene, "cluster")) {
    return made(false, problem->reason().c_str(), problem->message());
  }
  if (cluster) return made(true, cluster->initiated ? "Initiated" : "Joined", cluster->id);
  if (forming == nullptr || forming->held.empty()) return std::nullopt;
  return made(false, "Forming", "waiting for " + forming->held);
}

// Null while it neither knows a cluster nor waits for one.
Json cluster_json(const Scene& scene) {
  const auto& cluster = scene.state.cluster;
  const FormingDecision* forming = scene.forming;
  const std::string held = forming == nullptr ? "" : forming->held;
  if (!cluster && held.empty()) return nullptr;
  const bool server = forming != nullptr && !forming->say.servers.empty();
  Json json = Json::object();
  json["id"] = cluster ? cluster->id : "";
  json["role"] = server ? cluster_role(cluster) : "";
  json["settled"] = cluster && cluster->settled;
  json["waitingFor"] = held;
  // Once it stands in the tree, no server forms a cluster any more, whatever it has forgotten.
  json["commit"] = cluster && cluster->settled && scene.config.cluster_id.empty();
  if (forming != nullptr) json["says"] = to_json(forming->say);
  return json;
}

// Null while nothing is downloaded.
Json download_json(const Scene& scene) {
  const auto& progress = scene.acquisition.progress;
  return progress ? to_json(*progress) : Json();
}

}  // namespace

Json problems_json(const Scene& scene) {
  Json problems = Json::array();
  if (const auto& recovery = scene.state.recovery) {
    problems.push_back(problem_json("RecoveryMode", recovery->message));
  }
  for (const auto& [topic, error] : scene.problems)
    problems.push_back(problem_json(error));
  if (!scene.acquisition.reason.empty()) {
    problems.push_back(problem_json(scene.acquisition.reason, scene.acquisition.message));
  }
  // What came of a command is told to who asked for it.
  for (const auto* views : {&scene.decision.views, &scene.decision.obsolete}) {
    for (const auto& view : *views) {  // of settled ones only drift has a reason
      if (view.reason.empty()) continue;
      problems.push_back(problem_json(view));
    }
  }
  if (!scene.damage.empty()) problems.push_back(problem_json("LogDamaged", scene.damage));
  return problems;
}

Json profile_json(const std::optional<GenerationFacts>& generation) {
  if (!generation) return nullptr;
  return Json::Object{{"name", generation->profile_name},
                      {"version", generation->profile_version},
                      {"sha256", generation->profile_sha256}};
}

std::vector<Condition> conditions_of(const Scene& scene, std::vector<Condition> before,
                                     const std::string& now) {
  std::vector<Condition> wanted;
  const bool valid = scene.state.config_reason.empty();
  wanted.push_back(condition("ConfigValid", "", valid,
                             valid ? "Resolved" : scene.state.config_reason,
                             scene.state.config_message, now));
  if (scene.config.profile.assigned()) wanted.push_back(profile_condition(scene, now));
  wanted.push_back(state_condition(scene, now));
  const Error* plan = problem_about(scene, "plan");
  if (plan != nullptr &&
      (plan->reason() == "InputMissing" || plan->reason() == "ModeMissing" ||
       plan->reason() == "EngineUnsupported" || plan->reason() == "ManifestInvalid")) {
    wanted.push_back(condition("ProfileFits", "", false, plan->reason(), plan->message(), now));
  }
  if (const Error* media = problem_about(scene, "media")) {
    wanted.push_back(condition("MediaImported", "", false, media->reason(), media->message(), now));
  }
  if (const Error* conflict = problem_about(scene, "conflict")) {
    wanted.push_back(condition("Unique", "", false, conflict->reason(), conflict->message(), now));
  }
  if (auto cluster = cluster_condition(scene, now)) wanted.push_back(std::move(*cluster));
  if (scene.state.gone) {
    wanted.push_back(condition("Left", "", true, "Left", "this node has left the cluster", now));
  }
  if (const auto& recovery = scene.state.recovery) {
    wanted.push_back(condition("Recovery", "", true, recovery->reason, recovery->message, now));
  }
  // Those that are worked on; what a newer config says of them comes with its generation.
  for (const auto& phase : scene.plan ? scene.plan->phases : scene.config.modes) {
    wanted.push_back(phase_condition(scene, phase, now));
    add_step_conditions(scene, phase, now, wanted);
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
  json["ready"] = scene.plan && scene.decision.ready && !state.gone && !state.recovery;
  json["boot"]["id"] = state.boot;
  json["boot"]["kind"] = state.boot_kind;
  json["boot"]["reason"] = state.boot_reason;
  json["boot"]["verdict"] = to_string(scene.boot.judgement);
  json["boot"]["verdictReason"] = scene.boot.reason;
  json["generation"] = state.generation ? state.generation->number : 0;
  json["lastGood"] = state.last_good_generation;
  json["trial"] = state.generation && state.generation->number != state.last_good_generation;
  json["rollbackOf"] = state.generation ? state.generation->rollback_of : 0;
  json["recovery"] = recovery_json(state);
  json["profile"] = profile_json(state.generation);
  json["configHash"] = scene.config.config_hash;
  json["leaving"] = state.leaving;
  json["applying"] = applying_json(state);
  json["cluster"] = cluster_json(scene);
  json["download"] = download_json(scene);
  json["conditions"] = Json::array();
  for (const auto& item : conditions)
    json["conditions"].push_back(to_json(item));
  json["steps"] = step_list(scene, scene.decision.views);
  json["commands"] = step_list(scene, scene.decision.commands);
  json["obsolete"] = step_list(scene, scene.decision.obsolete);
  json["problems"] = problems_json(scene);
  json["version"] = kVersion;
  return json;
}

Json record_body(const Scene& scene, const std::vector<Condition>& conditions) {
  Json body = Json::object();
  body["generation"] = scene.state.generation ? scene.state.generation->number : 0;
  if (scene.state.generation) body["profile"] = profile_json(scene.state.generation);
  body["conditions"] = Json::array();
  for (const auto& item : conditions)
    body["conditions"].push_back(to_json(item));
  body["boot"] = scene.state.boot_kind;
  body["versions"]["klubster"] = kVersion;
  if (scene.forming != nullptr) body["forming"] = to_json(scene.forming->say);

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
