// Reading core-run.json.
#include "daemon/core_runs.h"

#include "base/names.h"
#include "linux/files.h"
#include "model/core_run.h"

namespace klubster {

Json read_core_run(const Places& places, const std::string& phase, const std::string& id) {
  const std::string file = places.step_state(phase, id) + "/" + std::string(names::kCoreRunFile);
  if (!exists(file)) return {};
  const auto text = read_file(file, names::kSmallJsonBytes);
  const auto json = text ? parse_json(*text, {.depth = 8}) : text.error();
  if (!json) return {};  // of a machine that went down while it was written
  Json run = public_core_run(json->get("run"));
  if (run.text_or("run_id").empty()) return {};
  return Json::Object{{"unit", json->text_or("unit")}, {"run", std::move(run)}};
}

void add_core_runs(Json& status, const Places& places) {
  Json steps = Json::array();
  for (Json step : status.items("steps")) {
    Json kept = read_core_run(places, step.text_or("phase"), step.text_or("id"));
    if (!kept.is_null()) step["coreRun"] = kept.get("run");
    steps.push_back(std::move(step));
  }
  status["steps"] = std::move(steps);
}

}  // namespace klubster
