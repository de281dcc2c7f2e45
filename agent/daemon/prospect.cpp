// Telling a plan.
#include "daemon/prospect.h"

#include <algorithm>

#include "base/reason.h"
#include "engine/step_outlook.h"

namespace klubster {

namespace {

Json step_json(const StepOutlook& step) {
  Json json = Json::Object{{"phase", step.phase},
                           {"id", step.id},
                           {"action", to_string(step.action)},
                           {"why", step.why}};
  if (step.drifted) json["drifted"] = true;
  if (step.needs_permission) json["needsAllowDestroy"] = true;
  return json;
}

// Null when a plan can be told. `mend`: somebody has to do something, it does not come by itself.
Json obstacle_json(const std::optional<Error>& obstacle) {
  if (!obstacle) return nullptr;
  const bool mend =
      obstacle->kind() == ErrorKind::kInvalid || obstacle->kind() == ErrorKind::kUntrusted;
  return Json::Object{{"reason", obstacle->reason()},
                      {"message", obstacle->message()},
                      {"next", next_step(*obstacle)},
                      {"mend", mend}};
}

}  // namespace

Json plan_json(const Prospect& prospect) {
  const NodeState& state = prospect.scene.state;
  Json json = Json::object();
  json["generation"] = state.generation ? state.generation->number : 0;
  json["configHash"] = prospect.scene.config.config_hash;
  json["profile"] = profile_json(state.generation);
  json["next"] = nullptr;
  if (prospect.next) {
    json["next"] = Json::Object{{"generation", prospect.next->number},
                                {"profile", profile_json(prospect.next)}};
  }
  json["changed"] = prospect.changes;
  json["steps"] = Json::array();
  bool differs = prospect.pending;
  bool permission = false;
  if (prospect.target != nullptr) {
    const auto& present = prospect.scene.plan;
    const Standing standing{*prospect.target, present ? &*present : nullptr, state,
                            prospect.scene.decision, prospect.needs};
    for (const auto& step : outlook(standing)) {
      differs = differs || step.differs();
      permission = permission || step.needs_permission;
      json["steps"].push_back(step_json(step));
    }
  }
  json["changes"] = differs;
  json["needsAllowDestroy"] = permission;
  json["unanswered"] = prospect.unanswered;
  json["leaving"] = state.leaving;
  json["gone"] = state.gone;
  json["cannot"] = obstacle_json(prospect.obstacle);
  json["problems"] = problems_json(prospect.scene);
  return json;
}

}  // namespace klubster
