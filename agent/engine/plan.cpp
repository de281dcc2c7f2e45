// Making a plan: inputs resolved, steps ordered, fingerprints taken.
#include "engine/plan.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "model/input_value.h"

namespace klubster {

namespace {

// What a person has to do about an input that has no value.
std::string missing_text(const InputSpec& input) {
  const std::string file = (input.sensitive ? "secrets/" : "inputs/") + input.name;
  return input.name + (input.description.empty() ? "" : " (" + input.description + ")") +
         ": create " + file;
}

struct ResolvedInputs {
  InputValues values;
  std::vector<InputMistake> mistakes;
};

// profile.env, then inputs/, then secrets/ (profile-format.md); peers' facts are added per step.
ResolvedInputs resolve_inputs(const Profile& profile,
                              const std::map<std::string, std::string>& values,
                              const std::map<std::string, std::string>& secrets) {
  ResolvedInputs resolved;
  for (const auto& input : profile.inputs) {
    InputValue found{"", input.sensitive};
    bool present = false;
    if (input.default_value && input.source != InputSource::kLocalOverride) {
      found.value = *input.default_value;
      present = true;
    }
    if (const auto value = values.find(input.name); value != values.end()) {
      found.value = value->second;
      present = true;
    }
    if (const auto secret = secrets.find(input.name); secret != secrets.end()) {
      found = {secret->second, true};
      present = true;
    }
    if (!present) {
      if (input.required && !input.from_peer) {
        resolved.mistakes.push_back({&input, true, missing_text(input)});
      }
      continue;
    }
    if (auto fits = check_input(input, found.value); !fits) {
      resolved.mistakes.push_back({&input, false, fits.error().message()});
      continue;
    }
    resolved.values[input.name] = std::move(found);
  }
  return resolved;
}

Error input_error(const Profile& profile, const std::vector<InputMistake>& mistakes) {
  std::vector<std::string> texts;
  texts.reserve(mistakes.size());
  for (const auto& mistake : mistakes) {
    texts.push_back((mistake.missing ? "" : mistake.input->name + ": ") + mistake.message);
  }
  return Error(ErrorKind::kInvalid, "InputMissing", join(texts, "; "))
      .in("inputs of profile " + profile.name);
}

std::string fingerprint_of(const Step& step, const PlanInputs& given) {
  Json body = Json::object();
  body["spec"] = to_json(step.spec);
  body["path"] = given.steps_path;
  for (const auto& [name, input] : step.inputs) {
    body["inputs"][name] = input.sensitive ? sha256_hex(given.salt + input.value) : input.value;
  }
  return sha256_hex(body.dump());
}

Step make_step(const std::string& phase, const StepSpec& spec, const Profile& profile,
               const InputValues& values, const PlanInputs& given) {
  Step step;
  step.phase = phase;
  step.subject = subject_of(phase, spec.id);
  step.spec = spec;
  const auto facts = given.facts.find(step.subject);
  for (const auto& name : spec.inputs) {
    if (const auto value = values.find(name); value != values.end()) {
      step.inputs[name] = value->second;
    }
    const InputSpec* input = profile.find_input(name);
    // The tree overrides a peer; a peer overrides the package's default.
    const bool overridden = given.values.count(name) > 0 || given.secrets.count(name) > 0;
    if (input == nullptr || !input->from_peer || overridden) continue;
    step.facts.push_back(name);
    const bool known = facts != given.facts.end() && facts->second.count(name) > 0;
    if (known) {
      step.inputs[name] = {facts->second.at(name), input->sensitive};
    } else if (step.inputs.count(name) == 0) {
      step.waits.push_back(name);
    }
  }
  if (!spec.when_input.empty()) {
    const auto value = values.find(spec.when_input);
    step.skipped = value == values.end() || value->second.value != spec.when_is;
  }
  if (step.waits.empty()) step.fingerprint = fingerprint_of(step, given);
  return step;
}

// Predecessors first, ties in written order. The manifest's reader has refused cycles.
std::vector<StepSpec> ordered(const std::vector<StepSpec>& steps) {
  std::vector<StepSpec> done;
  std::vector<bool> taken(steps.size(), false);
  const auto is_done = [&](const std::string& id) {
    return std::any_of(done.begin(), done.end(), [&](const StepSpec& s) { return s.id == id; });
  };
  bool progressed = true;
  while (progressed) {
    progressed = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (taken[i] || !std::all_of(steps[i].after.begin(), steps[i].after.end(), is_done)) continue;
      taken[i] = true;
      done.push_back(steps[i]);
      progressed = true;
      break;
    }
  }
  return done;
}

}  // namespace

std::string subject_of(const std::string& phase, const std::string& id) {
  return phase + "/" + id;
}

const Step* Plan::find(const std::string& subject) const {
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [&](const Step& step) { return step.subject == subject; });
  return found == steps.end() ? nullptr : &*found;
}

std::vector<InputMistake> input_mistakes(const Profile& profile,
                                         const std::map<std::string, std::string>& values,
                                         const std::map<std::string, std::string>& secrets) {
  return resolve_inputs(profile, values, secrets).mistakes;
}

Result<Plan> make_plan(const Profile& profile, const PlanInputs& given) {
  Plan plan;
  plan.generation = given.generation;
  plan.profile_dir = given.profile_dir;
  plan.phases = given.modes;

  std::vector<std::string> absent;
  for (const auto& mode : given.modes) {
    if (profile.modes.count(mode) == 0) absent.push_back(mode);
  }
  if (!absent.empty()) {
    return Error(ErrorKind::kInvalid, "ModeMissing", "no phase for mode " + join(absent, ", "))
        .in("profile " + profile.name);
  }
  const ResolvedInputs resolved = resolve_inputs(profile, given.values, given.secrets);
  if (!resolved.mistakes.empty()) return input_error(profile, resolved.mistakes);
  for (const auto& mode : given.modes) {
    for (const auto& spec : ordered(profile.modes.at(mode))) {
      plan.steps.push_back(make_step(mode, spec, profile, resolved.values, given));
    }
  }
  return plan;
}

}  // namespace klubster
