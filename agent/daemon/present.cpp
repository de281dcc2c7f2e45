// Restoring, making and planning generations.
#include "daemon/present.h"

#include <set>

#include "base/digest.h"
#include "daemon/generations.h"
#include "linux/config_tree.h"

namespace klubster {

namespace {

// Names of inputs whose secret of today is not the one that the stored config was made of.
std::set<std::string> changed_secrets(const Json& stored, const NodeConfig& today,
                                      std::string_view salt) {
  std::set<std::string> names, secrets;
  const auto* before = stored.get("values").as_object();
  if (before == nullptr || stored.text_or("salt") != to_hex(salt)) return names;
  for (const auto& [key, entry] : *before) {
    if (!entry.get("secret").is_null()) secrets.insert(key);
  }
  const Json now = to_json(today, SecretForm::kDigest, salt, secrets);
  for (const auto& key : secrets) {
    const std::string digest = now.get("values").get(key).text_or("secret");
    const bool given = key.starts_with("secrets/") || key.starts_with("inputs/");
    const bool same = digest == before->at(key).text_or("secret");
    if (given && !digest.empty() && !same) names.insert(key.substr(key.find('/') + 1));
  }
  return names;
}

}  // namespace

Status PresentGeneration::restore(const GenerationFacts& generation, const ConfigSources& sources) {
  auto stored = load_generation(places_.generations(), generation.number);
  auto config = stored ? restore_config(stored->config, sources) : stored.error();
  if (!config) return std::move(config.error()).in("restoring the last generation");
  const bool whole = config->warnings.empty();  // it warns of each secret that it lacks
  auto changed = changed_secrets(stored->config, *config, salt_);
  held_ = Held{std::move(*config), std::move(stored->profile), whole, std::move(changed)};
  return {};
}

Status PresentGeneration::make(const GenerationFacts& generation, const NodeConfig& config,
                               Profile profile) {
  const Json stored = to_json(config, SecretForm::kDigest, salt_, sensitive_keys(profile));
  auto saved = save_generation(places_.generations(), generation, stored, profile);
  if (saved) held_ = Held{config, std::move(profile), true, {}};
  return saved;
}

PlanInputs PresentGeneration::inputs_of(const NodeConfig& config, std::uint64_t number,
                                        const std::string& sha256) const {
  PlanInputs given;
  given.generation = number;
  given.profile_dir = places_.profile(sha256);
  given.modes = config.modes;
  given.values = config.inputs;
  given.secrets = config.secrets;
  given.steps_path = config.steps_path;
  given.salt = salt_;
  given.begins_cluster = begins_cluster_;
  for (const auto& [subject, facts] : facts_.received()) {
    for (const auto& [name, fact] : facts)
      given.facts[subject][name] = fact.value;
  }
  return given;
}

Result<Plan> PresentGeneration::plan_of(const NodeConfig& config, const Profile& profile,
                                        std::uint64_t number, const std::string& sha256) const {
  return make_plan(profile, inputs_of(config, number, sha256));
}

Result<Plan> PresentGeneration::plan(const NodeState& state, const ConfigSources& sources) {
  const GenerationFacts& generation = *state.generation;
  const NodeConfig& config = held_->config;
  PlanInputs given = inputs_of(config, generation.number, generation.profile_sha256);
  given.commands = state.commands;
  auto plan = make_plan(held_->profile, given);
  if (!plan) return plan;
  for (auto& step : plan->steps)
    keep_fingerprint(step, state.subject(step.subject), held_->changed);
  plan->obsolete = obsolete(*plan, state, sources);
  plan->allow_destroy = config.allow_destroy;
  plan->recheck_usec = config.recheck_usec;
  plan->repair = config.repair_drift;
  plan->ladder = {config.recovery_action, config.recovery_reboots, config.recovery_deadline_usec};
  if (config.recovery_attempts > 0) {
    for (auto& step : plan->steps)
      step.spec.retry.attempts = config.recovery_attempts;
  }
  return plan;
}

// Steps of earlier generations, from what was kept of them, with today's secrets.
std::vector<Step> PresentGeneration::obsolete(const Plan& plan, const NodeState& state,
                                              const ConfigSources& sources) {
  std::vector<Step> found;
  trouble_.reset();
  for (auto& [number, subjects] : state.obligations()) {
    std::set<std::string> wanted = subjects;
    std::erase_if(wanted, [&](const std::string& name) { return plan.find(name) != nullptr; });
    if (wanted.empty()) continue;
    auto stored = load_generation(places_.generations(), number);
    auto config = stored ? restore_config(stored->config, sources) : stored.error();
    auto old = config ? plan_of(*config, stored->profile, number, stored->facts.profile_sha256)
                      : Result<Plan>(config.error());
    if (!old) {
      trouble_ = std::move(old.error())
                     .in("what generation " + std::to_string(number) + " left: " + *wanted.begin());
      continue;
    }
    for (auto& step : old->steps) {
      if (wanted.contains(step.subject)) found.push_back(std::move(step));
    }
  }
  return found;
}

}  // namespace klubster
