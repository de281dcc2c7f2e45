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

Json parts_of(const Step& step, const PlanInputs& given) {
  constexpr std::size_t kDigits = 16;
  const auto digest = [&](const std::string& text) {
    return sha256_hex(given.salt + text).substr(0, kDigits);
  };
  StepSpec definition = step.spec;
  definition.files_digest.clear();
  Json parts = Json::object();
  parts["definition"] = digest(to_json(definition).dump());
  parts["files"] = digest(step.spec.files_digest);
  parts["path"] = digest(Json(given.steps_path).dump());
  parts["inputs"] = Json::object();
  for (const auto& [name, input] : step.inputs)
    parts["inputs"][name] = digest(name + "=" + input.value);
  return parts;
}

// The server that begins the cluster has nobody to wait for who is a server already, nor are there
// facts of one.
bool drop_needs_of_servers(StepSpec& spec) {
  const bool any =
      std::erase_if(spec.needs, [](const NeedSpec& need) { return need.phase == "server"; }) > 0;
  return any && spec.needs.empty();
}

// Of a step or a command: without a `when` it always does.
bool when_holds(const StepSpec& spec, const InputValues& values) {
  if (spec.when_input.empty()) return true;
  const auto value = values.find(spec.when_input);
  return value != values.end() && value->second.value == spec.when_is;
}

Step make_step(const std::string& phase, const StepSpec& spec, const Profile& profile,
               const InputValues& values, const PlanInputs& given) {
  Step step;
  step.phase = phase;
  step.subject = subject_of(phase, spec.id);
  step.spec = spec;
  const bool alone = given.begins_cluster && phase == "server" && drop_needs_of_servers(step.spec);
  step.profile_dir = given.profile_dir;
  const auto facts = given.facts.find(step.subject);
  for (const auto& name : spec.inputs) {
    if (const auto value = values.find(name); value != values.end()) {
      step.inputs[name] = value->second;
    }
    const InputSpec* input = profile.find_input(name);
    // The tree overrides a peer; a peer overrides the package's default.
    const bool overridden = given.values.count(name) > 0 || given.secrets.count(name) > 0;
    if (input == nullptr || !input->from_peer || overridden || alone) continue;
    step.facts.push_back(name);
    const bool known = facts != given.facts.end() && facts->second.count(name) > 0;
    if (known) {
      step.inputs[name] = {facts->second.at(name), input->sensitive};
    } else if (step.inputs.count(name) == 0) {
      step.waits.push_back(name);
    }
  }
  step.skipped = !when_holds(spec, values);
  step.parts = parts_of(step, given);
  if (step.waits.empty()) step.fingerprint = fingerprint_of(step, given);
  return step;
}

// What was asked for goes before what the tree says. It runs once for each request, whatever
// changes afterwards: `when` has been asked with it.
Step make_command(const StepSpec& spec, const CommandRequest& request, const Profile& profile,
                  InputValues values, const PlanInputs& given) {
  for (const auto& [name, value] : request.inputs)
    values[name] = {value, false};
  Step step = make_step(kCommandPhase, spec, profile, values, given);
  step.skipped = false;
  if (!step.fingerprint.empty()) {
    step.fingerprint = sha256_hex(step.subject + "/" + std::to_string(request.seq));
  }
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

void keep_fingerprint(Step& step, const SubjectState& past, const std::set<std::string>& changed) {
  if (step.fingerprint.empty() || past.done_fingerprint.empty()) return;
  if (past.done_parts.get("inputs").is_null()) return;
  Json now = step.parts, before = past.done_parts;
  bool concerned = false;
  for (const auto& name : changed) {
    if (!step.inputs.contains(name)) continue;
    now["inputs"][name] = before["inputs"][name] = "changed";
    concerned = true;
  }
  if (!concerned || !(now == before)) return;
  step.fingerprint = past.done_fingerprint;
  step.parts = past.done_parts;
}

const Step* Plan::find(const std::string& subject) const {
  for (const auto* list : {&steps, &commands, &obsolete}) {
    const auto found = std::find_if(list->begin(), list->end(),
                                    [&](const Step& step) { return step.subject == subject; });
    if (found != list->end()) return &*found;
  }
  return nullptr;
}

Status check_command(const Profile& profile, const std::string& name,
                     const std::map<std::string, std::string>& inputs) {
  const auto command = profile.commands.find(name);
  if (command == profile.commands.end()) {
    std::vector<std::string> known;
    for (const auto& [other, spec] : profile.commands)
      known.push_back(other);
    return Error(ErrorKind::kInvalid, "NoSuchCommand",
                 known.empty()
                     ? "the profile has no commands"
                     : "expected one of " + join(known, ", ") + ", found " + printable(name, 64));
  }
  const auto& sees = command->second.inputs;
  std::vector<std::string> mistakes;
  for (const auto& [key, value] : inputs) {
    const InputSpec* input = profile.find_input(key);
    if (input == nullptr || std::find(sees.begin(), sees.end(), key) == sees.end()) {
      mistakes.push_back(printable(key, 64) + ": not an input of this command");
    } else if (input->sensitive) {
      mistakes.push_back(key + ": is sensitive: create secrets/" + key + " instead");
    } else if (auto fits = check_input(*input, value); !fits) {
      mistakes.push_back(key + ": " + fits.error().message());
    }
  }
  if (mistakes.empty()) return {};
  return Error(ErrorKind::kInvalid, "BadValue", join(mistakes, "; "));
}

Status check_when(const Profile& profile, const RequestedCommand& request,
                  const std::map<std::string, std::string>& values,
                  const std::map<std::string, std::string>& secrets) {
  const StepSpec& spec = profile.commands.at(request.name);
  InputValues known = resolve_inputs(profile, values, secrets).values;
  for (const auto& [name, value] : request.inputs)
    known[name] = {value, false};
  if (when_holds(spec, known)) return {};
  const auto found = known.find(spec.when_input);
  std::string is = "none";
  if (found != known.end()) {
    is = found->second.sensitive ? "another value" : printable(found->second.value, 80);
  }
  return Error(ErrorKind::kInvalid, "CommandSkipped",
               "it is for nodes where " + spec.when_input + " is " + printable(spec.when_is, 80) +
                   ", found " + is);
}

std::vector<InputMistake> input_mistakes(const Profile& profile,
                                         const std::map<std::string, std::string>& values,
                                         const std::map<std::string, std::string>& secrets) {
  return resolve_inputs(profile, values, secrets).mistakes;
}

Status check_engine(const Profile& profile) {
  if (!profile.modes.empty()) return {};
  std::string why = "expected spec.modes with steps, found none";
  if (!profile.engine.empty()) {
    why += "; klubster does not run engine " + printable(profile.engine, 80);
    if (!profile.scenario.empty()) why += " with scenario " + printable(profile.scenario, 80);
  }
  return Error(ErrorKind::kInvalid, "EngineUnsupported", why).in("profile " + profile.name);
}

Result<Plan> make_plan(const Profile& profile, const PlanInputs& given) {
  Plan plan;
  plan.generation = given.generation;
  plan.phases = given.modes;

  if (auto runs = check_engine(profile); !runs) return runs.error();
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
  for (const auto& [name, request] : given.commands) {
    const auto spec = profile.commands.find(name);
    if (spec == profile.commands.end()) continue;
    plan.commands.push_back(make_command(spec->second, request, profile, resolved.values, given));
  }
  return plan;
}

}  // namespace klubster
