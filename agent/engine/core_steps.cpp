// Core's steps where a manifest says `core:`.
#include "engine/core_steps.h"

#include <algorithm>

namespace klubster {

namespace {

using Steps = std::vector<StepSpec>;

bool has_step(const Steps& steps, const std::string& id) {
  return std::any_of(steps.begin(), steps.end(),
                     [&](const StepSpec& step) { return step.id == id; });
}

void append(Steps& steps, const StepSpec& written, Steps core) {
  core.front().after = written.after;
  for (auto& step : core) {
    // Its peers are waited for before Core changes something, and not before the host checks: the
    // others wait for those.
    if (step.id == written.id)
      step.needs.insert(step.needs.end(), written.needs.begin(), written.needs.end());
    steps.push_back(std::move(step));
  }
}

Result<Steps> replaced(const Steps& written, const Steps& core) {
  const auto one = std::find_if(written.begin(), written.end(),
                                [](const StepSpec& step) { return !step.core_mode.empty(); });
  if (one == written.end() || core.empty()) return written;
  Steps steps;
  for (const auto& step : written) {
    if (!step.core_mode.empty()) {
      append(steps, step, core);
      continue;
    }
    if (has_step(core, step.id)) {
      return Error(ErrorKind::kInvalid, "ManifestInvalid",
                   "step " + step.id + ": expected another id: the core step " + one->id +
                       " becomes steps of which one is called so");
    }
    steps.push_back(step);
    // After Core's step means after all of them.
    std::replace(steps.back().after.begin(), steps.back().after.end(), one->id, core.back().id);
  }
  return steps;
}

}  // namespace

std::map<std::string, std::string> core_step_ids(const Profile& profile) {
  std::map<std::string, std::string> ids;
  for (const auto& [phase, steps] : profile.modes) {
    for (const auto& step : steps) {
      if (!step.core_mode.empty()) ids.emplace(phase, step.id);
    }
  }
  return ids;
}

NodeConfig with_core_modes_only(const NodeConfig& config,
                                const std::map<std::string, std::string>& ids) {
  const auto is_other = [&](const std::string& mode) { return ids.count(mode) == 0; };
  NodeConfig made = config;
  std::erase_if(made.modes, is_other);
  for (auto& member : made.members)
    std::erase_if(member.modes, is_other);
  return made;
}

Result<Profile> in_place_of_core_steps(const Profile& written, const Profile& made) {
  Profile whole = written;
  for (const auto& [phase, core] : made.modes) {
    auto steps = replaced(written.modes.at(phase), core);
    if (!steps) return std::move(steps.error()).in("profile " + written.name + ": " + phase);
    whole.modes[phase] = std::move(*steps);
  }
  whole.inputs = made.inputs;
  for (const auto& [name, command] : made.commands)
    whole.commands.emplace(name, command);
  return whole;
}

}  // namespace klubster
