// Checks of a profile that need all of it: names, references, cycles, combinations.
#include "model/profile_rules.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "model/environment.h"
#include "model/profile_names.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxSteps = 200;
constexpr std::size_t kMaxInputs = 500;
constexpr std::size_t kMaxCoreId = 54;  // "-preflight" comes behind it
constexpr std::size_t kMaxArguments = 256;
constexpr std::size_t kMaxArgumentBytes = 32 * 1024;
constexpr std::size_t kMaxDescriptionBytes = 1024;
constexpr std::uint64_t kMaxAttempts = 1000;
constexpr std::uint64_t kMaxPeers = 1000;

std::string quoted(std::string_view text) {
  return "\"" + printable(text, 80) + "\"";
}

// X.Y.Z: what productive-k3s compares, three numbers and nothing more.
bool is_release(std::string_view text) {
  const auto parts = split(text, '.');
  return parts.size() == 3 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return parse_number(part, INT32_MAX).has_value();
         });
}

// Collects problems of one profile; one function per part of it.
class Checker {
 public:
  explicit Checker(const Profile& profile) : profile_(profile) {}

  std::vector<ProfileProblem> run() {
    head();
    inputs();
    for (const auto& [mode, steps] : profile_.modes)
      phase(mode, steps);
    for (const auto& [name, command] : profile_.commands)
      operator_verb(name, command);
    return std::move(problems_);
  }

 private:
  void refuse(std::string path, std::string message) {
    problems_.push_back({std::move(path), std::move(message)});
  }
  void expect(bool holds, const std::string& path, const std::string& expected,
              std::string_view found) {
    if (!holds) refuse(path, "expected " + expected + ", found " + quoted(found));
  }

  void head();
  void requirement(const std::string& name, const std::string& constraint);
  void inputs();
  void input(const std::string& path, const InputSpec& input);
  void phase(const std::string& mode, const std::vector<StepSpec>& steps);
  void order(const std::string& path, const std::vector<StepSpec>& steps);
  void operator_verb(const std::string& name, const StepSpec& command);
  void step(const std::string& path, const StepSpec& step);
  void step_kind(const std::string& path, const StepSpec& step);
  void core(const std::string& path, const StepSpec& step);
  void step_data(const std::string& path, const StepSpec& step);
  void step_numbers(const std::string& path, const StepSpec& step);
  void unit(const std::string& path, const StepSpec& step);
  void argv(const std::string& path, const std::vector<std::string>& words);
  void needs(const std::string& path, const StepSpec& step);

  const Profile& profile_;
  std::vector<ProfileProblem> problems_;
};

void Checker::head() {
  expect(is_name(profile_.name), "metadata.name", "letters, digits and ._+~-", profile_.name);
  expect(is_name(profile_.version), "metadata.version", "letters, digits and ._+~-",
         profile_.version);
  expect(is_plain(profile_.category, 128), "metadata.category", "a short text", profile_.category);
  expect(is_plain(profile_.scenario, 128), "spec.scenario.type", "a short text", profile_.scenario);
  expect(is_plain(profile_.engine, 128), "spec.engine.type", "a short text", profile_.engine);
  expect(profile_.install_script.empty() || is_package_path(profile_.install_script),
         "spec.execution.installScript", "a path inside the package", profile_.install_script);
  for (const auto& [name, constraint] : profile_.requires_versions)
    requirement(name, constraint);
}

void Checker::requirement(const std::string& name, const std::string& constraint) {
  const std::string path = "spec.compatibility.requires." + name;
  expect(is_plain(constraint, 64), path, "a short text", constraint);
  if (name == "klubster") {
    return expect(version_satisfies(kManifestVersion, constraint).has_value(), path,
                  "conditions such as >=1", constraint);
  }
  if (name == "infra" || name == "core") return;
  const std::string component = name.substr(0, name.find('.'));
  const auto keys = requirement_words(component);
  const bool known = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return name == join({component, key}, ".");
  });
  if (!known) return expect(false, path, "infra, core or klubster", name);
  if (name.find("Version") == std::string::npos) return;
  expect(is_release(constraint), path, "a version X.Y.Z", constraint);
}

void Checker::inputs() {
  if (profile_.inputs.size() > kMaxInputs) {
    refuse("spec.inputs", "expected at most " + std::to_string(kMaxInputs) + " inputs, found " +
                              std::to_string(profile_.inputs.size()));
    return;
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < profile_.inputs.size(); ++i) {
    const std::string path = "spec.inputs[" + std::to_string(i) + "]";
    const auto& one = profile_.inputs[i];
    if (!seen.insert(one.name).second) {
      refuse(path + ".name",
             "expected a name that stands once, found " + quoted(one.name) + " again");
    }
    input(path, one);
  }
}

void Checker::input(const std::string& path, const InputSpec& input) {
  expect(is_input_name(input.name), path + ".name", "a variable name such as CLUSTER_DOMAIN",
         input.name);
  expect(!is_denied_variable(input.name), path + ".name",
         "a name that may reach a step (LD_*, PATH, KLUBSTER_* and others never do)", input.name);
  expect(is_utf8(input.description) && input.description.size() <= kMaxDescriptionBytes,
         path + ".description", "at most 1024 bytes of UTF-8", input.description);
  expect(is_plain(input.pattern, 1024), path + ".pattern", "a short regular expression",
         input.pattern);
  const bool is_enum = input.type == InputType::kEnum;
  if (is_enum && input.values.empty()) {
    refuse(path + ".values", "expected the values of the enum, found none");
  }
  if (!is_enum && !input.values.empty()) {
    refuse(path + ".values",
           "expected `type: enum` beside it, found type " + std::string(to_string(input.type)));
  }
  if (input.multiline && input.type != InputType::kString) {
    refuse(path + ".multiline",
           "expected type string beside it, found " + std::string(to_string(input.type)));
  }
  if ((input.min || input.max) && input.type != InputType::kInt) {
    refuse(path + (input.min ? ".min" : ".max"),
           "expected `type: int` beside it, found type " + std::string(to_string(input.type)));
  }
  if (input.min && input.max && *input.min > *input.max) {
    refuse(path + ".min", "expected at most max (" + std::to_string(*input.max) + "), found " +
                              std::to_string(*input.min));
  }
  if (input.from_peer && input.source != InputSource::kEither) {
    refuse(path + ".from", "expected `source: either` beside `from: peer`, found source " +
                               std::string(to_string(input.source)));
  }
  if (input.default_value) {
    const auto checked = check_variable_value(*input.default_value, input.multiline);
    if (!checked) refuse(path + ".default", checked.error().message());
  }
}

void Checker::phase(const std::string& mode, const std::vector<StepSpec>& steps) {
  const std::string path = "spec.modes." + mode;
  expect(is_mode(mode), path, "server, agent, stack or single-node", mode);
  if (steps.size() > kMaxSteps) {
    refuse(path + ".steps", "expected at most " + std::to_string(kMaxSteps) + " steps, found " +
                                std::to_string(steps.size()));
    return;
  }
  std::string first_core;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string at = path + ".steps[" + std::to_string(i) + "]";
    step(at, steps[i]);
    const StepSpec& one = steps[i];
    if (one.core_mode.empty()) continue;
    // Peers find servers and agents by their phases, and so does Core's part here.
    expect(one.core_mode == mode, at + ".core.mode", "the phase's own mode " + mode, one.core_mode);
    if (!first_core.empty()) {
      refuse(at + ".core",
             "expected one core step in a phase, found " + quoted(first_core) + " before it");
    }
    first_core = one.id;
  }
  order(path, steps);
}

// Ids stand once, `after` names steps of this phase, and the steps can be put in an order.
void Checker::order(const std::string& path, const std::vector<StepSpec>& steps) {
  std::map<std::string, std::size_t> index;
  const auto at = [&](std::size_t i) { return path + ".steps[" + std::to_string(i) + "]"; };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!index.emplace(steps[i].id, i).second) {
      refuse(at(i) + ".id",
             "expected an id that stands once, found " + quoted(steps[i].id) + " again");
    }
  }
  std::vector<std::string> ids;
  ids.reserve(index.size());
  for (const auto& [id, unused] : index)
    ids.push_back(id);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t j = 0; j < steps[i].after.size(); ++j) {
      const auto& name = steps[i].after[j];
      if (index.count(name) > 0) continue;
      const auto near = nearest(name, ids);
      refuse(at(i) + ".after[" + std::to_string(j) + "]",
             "expected the id of a step of this phase, found " + quoted(name) +
                 (near ? " (did you mean " + *near + "?)" : ""));
    }
  }

  enum class Mark { kNew, kOpen, kDone };
  std::vector<Mark> marks(steps.size(), Mark::kNew);
  std::vector<std::string> trail;
  bool cyclic = false;
  const std::function<void(std::size_t)> visit = [&](std::size_t i) {
    if (cyclic || marks[i] == Mark::kDone) return;
    trail.push_back(steps[i].id);
    if (marks[i] == Mark::kOpen) {
      cyclic = true;
      const auto start = std::find(trail.begin(), trail.end(), steps[i].id);
      refuse(at(i) + ".after",
             "expected an order without cycles, found " + join({start, trail.end()}, " after "));
      return;
    }
    marks[i] = Mark::kOpen;
    for (const auto& name : steps[i].after) {
      const auto found = index.find(name);
      if (found != index.end()) visit(found->second);
    }
    marks[i] = Mark::kDone;
    trail.pop_back();
  };
  for (std::size_t i = 0; i < steps.size(); ++i)
    visit(i);
}

void Checker::operator_verb(const std::string& name, const StepSpec& command) {
  const std::string path = "spec.commands." + name;
  expect(is_id(name), path, "a name of a-z, 0-9 and -", name);
  step(path, command);
  if (command.id != name) expect(false, path + ".id", "the command's own name", command.id);
  if (command.kind != StepKind::kTask) {
    refuse(path + ".kind", "expected a task, found a service: an operator waits for a command");
  }
  if (!command.core_mode.empty()) refuse(path + ".core", "expected it in a step, not in a command");
  if (!command.after.empty()) refuse(path + ".after", "a command has no order");
}

void Checker::step(const std::string& path, const StepSpec& step) {
  expect(is_id(step.id), path + ".id", "an id of a-z, 0-9 and -, at most 64", step.id);
  step_kind(path, step);
  step_data(path, step);
  step_numbers(path, step);
  unit(path, step);
  needs(path, step);
}

void Checker::step_kind(const std::string& path, const StepSpec& step) {
  const bool is_service = step.kind == StepKind::kService;
  if (!step.core_mode.empty()) {
    core(path, step);
  } else if (step.start_unit.empty()) {
    argv(path + ".run", step.run);
    if (step.run.empty()) refuse(path + ".run", "expected a command, found nothing");
  } else {
    expect(is_service_name(step.start_unit), path + ".startUnit", "a name such as etcd.service",
           step.start_unit);
    if (!step.run.empty()) refuse(path + ".run", "expected either run or startUnit, found both");
    if (!is_service) refuse(path + ".kind", "expected service beside startUnit, found task");
    if (!step.unit.empty()) {
      refuse(path + ".unit", "expected nothing: with startUnit the unit is the machine's own");
    }
    if (!step.unit_name.empty() || !step.user.empty()) {
      refuse(path + (step.user.empty() ? ".unitName" : ".user"),
             "expected nothing: with startUnit the unit is the machine's own");
    }
  }
  if (!step.unit_name.empty()) {
    expect(is_service_name(step.unit_name) && !step.unit_name.starts_with("klubster") &&
               !step.unit_name.starts_with("systemd-"),
           path + ".unitName", "a name such as etcd.service, not klubster's or systemd's own",
           step.unit_name);
    if (!is_service) refuse(path + ".unitName", "expected kind: service beside it, found task");
  }
  if (!step.condition.empty()) {
    expect(is_condition(step.condition) && step.condition != "Ready", path + ".condition",
           "a condition of its own such as Prepared", step.condition);
  }
  if (!step.user.empty()) expect(is_user_name(step.user), path + ".user", "a user", step.user);
  if (step.ready) {
    argv(path + ".ready.run", step.ready.run);
    if (!is_service) refuse(path + ".ready", "expected kind: service beside it (a task has check)");
  }
  if (step.check) {
    argv(path + ".check", step.check.run);
    if (is_service) refuse(path + ".check", "expected kind: task beside it (a service has ready)");
  }
  if (step.undo) argv(path + ".undo", step.undo.run);
}

// with_core() makes Core's steps of it: what else it said would be lost.
void Checker::core(const std::string& path, const StepSpec& step) {
  StepSpec all;
  all.id = step.id;
  all.core_mode = step.core_mode;
  all.needs = step.needs;
  all.after = step.after;
  all.files_digest = step.files_digest;
  if (to_json(step) != to_json(all)) {
    refuse(path, "expected nothing but id, needs and after beside core");
  }
  if (step.id.size() > kMaxCoreId) {
    refuse(path + ".id", "expected at most " + std::to_string(kMaxCoreId) +
                             " characters beside core, found " + std::to_string(step.id.size()));
  }
}

void Checker::argv(const std::string& path, const std::vector<std::string>& words) {
  if (words.empty()) return;
  if (!words[0].starts_with("/") && !is_package_path(words[0])) {
    refuse(path + "[0]",
           "expected an absolute path or a path inside the package, found " + quoted(words[0]));
  }
  std::size_t bytes = 0;
  for (const auto& word : words) {
    bytes += word.size();
    if (!is_utf8(word) || word.find('\0') != std::string::npos) {
      refuse(path, "expected UTF-8 without NUL, found " + quoted(word));
    }
  }
  if (words.size() > kMaxArguments || bytes > kMaxArgumentBytes) {
    refuse(path, "expected at most 256 words and 32 KiB");
  }
}

void Checker::step_data(const std::string& path, const StepSpec& step) {
  std::vector<std::string> known;
  for (const auto& input : profile_.inputs)
    known.push_back(input.name);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const auto& name = step.inputs[i];
    const std::string at = path + ".inputs[" + std::to_string(i) + "]";
    if (!seen.insert(name).second) refuse(at, "expected each input once, found " + quoted(name));
    if (profile_.find_input(name) == nullptr) {
      const auto near = nearest(name, known);
      refuse(at, "expected an input of spec.inputs, found " + quoted(name) +
                     (near ? " (did you mean " + *near + "?)" : ""));
    } else {
      expect(is_variable_name(name), at, "a name of A-Z, 0-9 and _", name);
    }
  }
  seen.clear();
  for (std::size_t i = 0; i < step.outputs.size(); ++i) {
    const auto& output = step.outputs[i];
    const std::string at = path + ".outputs[" + std::to_string(i) + "].name";
    expect(is_variable_name(output.name) && !is_denied_variable(output.name), at,
           "a variable name such as SERVER_URL", output.name);
    if (!seen.insert(output.name).second) {
      refuse(at, "expected each output once, found " + quoted(output.name));
    }
  }
  for (std::size_t i = 0; i < step.files.size(); ++i) {
    expect(is_package_path(step.files[i]), path + ".files[" + std::to_string(i) + "]",
           "a path inside the package", step.files[i]);
  }
  if (!step.when_input.empty() && profile_.find_input(step.when_input) == nullptr) {
    refuse(path + ".when.input",
           "expected an input of spec.inputs, found " + quoted(step.when_input));
  }
}

void Checker::step_numbers(const std::string& path, const StepSpec& step) {
  const auto at_least_one = [&](std::uint64_t value, const std::string& key) {
    if (value == 0) refuse(path + key, "expected more than zero, found 0");
  };
  at_least_one(step.timeout_usec, ".timeout");
  at_least_one(step.ready.interval_usec, ".ready.interval");
  at_least_one(step.ready.timeout_usec, ".ready.timeout");
  if (step.retry.attempts < 1 || step.retry.attempts > kMaxAttempts) {
    refuse(path + ".retry.attempts", "expected 1 to " + std::to_string(kMaxAttempts) + ", found " +
                                         std::to_string(step.retry.attempts));
  }
  if (step.retry.backoff_usec > step.retry.max_backoff_usec) {
    refuse(path + ".retry.backoff", "expected at most maxBackoff (" +
                                        duration_text(step.retry.max_backoff_usec) + "), found " +
                                        duration_text(step.retry.backoff_usec));
  }
  if (step.success_codes.empty()) {
    refuse(path + ".successCodes", "expected at least one exit code, found none");
  }
  for (const auto* codes : {&step.success_codes, &step.reboot_codes}) {
    const std::string key = codes == &step.success_codes ? ".successCodes" : ".rebootCodes";
    for (const int code : *codes) {
      if (code < 0 || code > 255) {
        refuse(path + key, "expected exit codes 0 to 255, found " + std::to_string(code));
      }
    }
  }
  for (const int code : step.success_codes) {
    if (std::find(step.reboot_codes.begin(), step.reboot_codes.end(), code) !=
        step.reboot_codes.end()) {
      refuse(path + ".rebootCodes", "expected codes that are not in successCodes, found " +
                                        std::to_string(code) + " in both");
    }
  }
}

void Checker::unit(const std::string& path, const StepSpec& step) {
  for (const auto& [name, value] : step.unit) {
    const std::string at = join({path, "unit", name}, ".");
    const UnitProperty* property = find_unit_property(name);
    if (property == nullptr) {
      const auto near = nearest(name, unit_property_names());
      refuse(at, "expected a property that a manifest may set, found " + quoted(name) +
                     (near ? " (did you mean " + *near + "?)" : ""));
      continue;
    }
    const auto checked = unit_property_value(*property, value);
    if (!checked) {
      refuse(at, checked.error().message());
    } else if (!(*checked == value)) {
      refuse(at, "expected the canonical form " + checked->dump());
    }
    if (name == "Type" && step.kind == StepKind::kTask) {
      refuse(at, "expected kind: service beside it: a task is always oneshot");
    }
  }
  if (step.unit.count("TasksMax") > 0 && step.limits.tasks > 0) {
    refuse(path + ".unit.TasksMax", "expected either this or limits.tasks, found both");
  }
}

void Checker::needs(const std::string& path, const StepSpec& step) {
  for (std::size_t i = 0; i < step.needs.size(); ++i) {
    const auto& need = step.needs[i];
    const std::string at = path + ".needs[" + std::to_string(i) + "].peers";
    expect(is_mode(need.phase), at + ".phase", "server, agent, stack or single-node", need.phase);
    expect(is_condition(need.condition), at + ".condition", "a condition such as Ready",
           need.condition);
    const auto number = parse_number(need.count, kMaxPeers);
    expect(need.count == "any" || need.count == "all" || (number && *number > 0), at + ".count",
           "any, all or a number", need.count);
  }
}

}  // namespace

bool is_mode(std::string_view name) {
  return std::any_of(std::begin(kModeNames), std::end(kModeNames),
                     [&](const char* mode) { return name == mode; });
}

bool is_package_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || !is_plain(path, 1024)) return false;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == "." || part == ".." || part.starts_with("-")) return false;
  }
  return true;
}

std::optional<bool> version_satisfies(int version, std::string_view constraint) {
  const auto conditions = words(constraint);
  if (conditions.empty()) return std::nullopt;
  bool holds = true;
  for (std::string_view condition : conditions) {
    const auto digits = condition.find_first_of("0123456789");
    if (digits == std::string_view::npos) return std::nullopt;
    const auto number = parse_number(condition.substr(digits), INT32_MAX);
    if (!number) return std::nullopt;
    const auto sign = condition.substr(0, digits);
    const auto wanted = static_cast<int>(*number);
    if (sign == ">=") {
      holds = holds && version >= wanted;
    } else if (sign == ">") {
      holds = holds && version > wanted;
    } else if (sign == "<=") {
      holds = holds && version <= wanted;
    } else if (sign == "<") {
      holds = holds && version < wanted;
    } else if (sign == "=" || sign.empty()) {
      holds = holds && version == wanted;
    } else {
      return std::nullopt;
    }
  }
  return holds;
}

std::vector<ProfileProblem> check_profile(const Profile& profile) {
  return Checker(profile).run();
}

}  // namespace klubster
