// Building a step's transient unit.
#include "engine/step_unit.h"

#include <algorithm>

#include "base/names.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
// One try of a readiness probe; the deadline of all tries together is the daemon's timer.
constexpr std::uint64_t kProbeTryUsec = 30'000'000;
// Levels of syslog(3). A readiness probe fails again and again by design: systemd's lines about
// that (errors, too) stay out of the journal; other short units only lose "Started …". The limit
// holds for what the command itself prints as well, so that gets the level that just passes.
constexpr std::int32_t kLogCritical = 2;
constexpr std::int32_t kLogNotice = 5;

std::uint64_t timeout_of(const StepSpec& spec, Stage stage) {
  switch (stage) {
    case Stage::kReady:
      return std::min(spec.ready.timeout_usec, kProbeTryUsec);
    case Stage::kCheck:
    case Stage::kVerify:
      return spec.check.timeout_usec;
    case Stage::kUndo:
      return spec.undo.timeout_usec;
    case Stage::kRun:
      break;
  }
  return spec.timeout_usec;
}

// A relative first word is inside the package.
ExecCommand resolve(std::vector<std::string> argv, const std::string& profile_dir) {
  if (argv.front() == names::kCoreWord) {
    argv.front() = std::string(names::kProgramDir) + "/klubster-core";
  } else if (!argv.front().starts_with('/')) {
    argv.front() = profile_dir + "/" + argv.front();
  }
  return {std::move(argv)};
}

bool has_outputs(const StepSpec& spec, Stage stage) {
  return !spec.outputs.empty() && stage != Stage::kUndo;
}

Texts environment_of(const Step& step, const StartUnit& start, const StepSurroundings& around) {
  Texts environment;
  for (const auto& [name, input] : step.inputs) {
    if (!input.sensitive) environment.push_back(name + "=" + input.value);
  }
  const auto add = [&](const char* name, const std::string& value) {
    environment.push_back(std::string(name) + "=" + value);
  };
  add("PATH", around.path.empty() ? std::string(kDefaultPath) : join(around.path, ":"));
  add("KLUBSTER_NODE", around.node);
  add("KLUBSTER_PHASE", step.phase);
  add("KLUBSTER_STEP", step.spec.id);
  add("KLUBSTER_ATTEMPT", std::to_string(start.attempt));
  add("KLUBSTER_PROFILE_DIR", step.profile_dir);
  add("KLUBSTER_OUTPUTS",
      has_outputs(step.spec, start.stage) ? std::string(names::kStepOutputs) : "/dev/null");
  add("KLUBSTER_MEMBERS", around.members_file);
  if (!around.cluster_role.empty()) {
    add("KLUBSTER_CLUSTER_ROLE", around.cluster_role);
    add("KLUBSTER_CLUSTER_ID", around.cluster_id);
    add("KLUBSTER_CLUSTER_SETTLED", around.cluster_settled ? "yes" : "no");
  }
  if (!step.spec.run.empty() && step.spec.run[0] == names::kCoreWord) {
    add("KLUBSTER_UNIT", start.unit);
    environment.insert(environment.end(), around.telemetry.begin(), around.telemetry.end());
  }
  return environment;
}

// systemd's "infinity".
std::uint64_t number_or_infinity(const Json& value) {
  const auto* number = value.as_integer();
  return number == nullptr ? UINT64_MAX : static_cast<std::uint64_t>(*number);
}

Texts texts_of(const Json& value) {
  Texts texts;
  if (const auto* array = value.as_array()) {
    for (const auto& item : *array) {
      if (const auto* text = item.as_string()) texts.push_back(*text);
    }
  }
  return texts;
}

void set_manifest_properties(TransientUnit& unit, const StepSpec& spec) {
  for (const auto& [name, value] : spec.unit) {
    const UnitProperty* property = find_unit_property(name);
    if (property == nullptr || name == "Type") continue;
    switch (property->type) {
      case UnitPropertyType::kString:
        unit.set(property->dbus_name, value.as_string() ? *value.as_string() : "");
        break;
      case UnitPropertyType::kBool:
        unit.set(property->dbus_name, value.as_bool() != nullptr && *value.as_bool());
        break;
      case UnitPropertyType::kUint64:
      case UnitPropertyType::kUsec:
        unit.set(property->dbus_name, number_or_infinity(value));
        break;
      case UnitPropertyType::kStringList:
        unit.set(property->dbus_name, texts_of(value));
        break;
      case UnitPropertyType::kOctal:
        unit.set(property->dbus_name, static_cast<std::uint32_t>(number_or_infinity(value)));
        break;
    }
  }
}

void set_limits(TransientUnit& unit, const LimitSpec& limits) {
  if (limits.memory_bytes > 0) unit.set("MemoryMax", limits.memory_bytes);
  if (limits.tasks > 0) unit.set("TasksMax", limits.tasks);
  // Per second of wall time: 50 % is half a second.
  if (limits.cpu_percent > 0) unit.set("CPUQuotaPerSecUSec", limits.cpu_percent * 10'000);
}

std::string service_type(const StepSpec& spec) {
  const auto found = spec.unit.find("Type");
  return found == spec.unit.end() ? "exec" : *found->second.as_string();
}

}  // namespace

const std::vector<std::string>& command_of(const StepSpec& spec, Stage stage) {
  switch (stage) {
    case Stage::kReady:
      return spec.ready.run;
    case Stage::kCheck:
    case Stage::kVerify:
      return spec.check.run;
    case Stage::kUndo:
      return spec.undo.run;
    case Stage::kRun:
      break;
  }
  return spec.run;
}

TransientUnit make_step_unit(const Plan& plan, const Step& step, const StartUnit& start,
                             const StepSurroundings& around) {
  const StepSpec& spec = step.spec;
  const bool main_run = start.stage == Stage::kRun;
  const bool service = main_run && step.service();
  TransientUnit unit;
  unit.name = start.unit;
  const std::string stage(to_string(start.stage));
  unit.set("Description", "klubster step " + step.subject + (main_run ? "" : " (" + stage + ")"));
  unit.set("Slice", std::string(names::kSlice));
  unit.set("Type", service ? service_type(spec) : std::string("oneshot"));
  if (!service) unit.set("RemainAfterExit", true);
  unit.set("TimeoutStartUSec", timeout_of(spec, start.stage));
  unit.set("ExecStart", resolve(command_of(spec, start.stage), step.profile_dir));
  unit.set("WorkingDirectory", step.profile_dir);
  unit.set("Environment", environment_of(step, start, around));
  if (!spec.user.empty()) unit.set("User", spec.user);
  // Our own program says in a line how far it is, and why it failed.
  const auto& argv = command_of(spec, start.stage);
  if (!argv.empty() && argv[0] == names::kCoreWord) unit.set("NotifyAccess", std::string("main"));

  std::vector<std::pair<std::string, std::string>> credentials;
  for (const auto& [name, input] : step.inputs) {
    if (input.sensitive) credentials.emplace_back(name, around.credentials_dir + "/" + name);
  }
  if (!credentials.empty()) unit.set("LoadCredential", credentials);
  unit.set("StateDirectory", Texts{"klubster/steps/" + step.phase + "/" + spec.id});
  unit.set("StateDirectoryMode", std::uint32_t{0700});
  // A mount namespace costs as much as all the rest of a short step: only where it is needed.
  // And an undo has none: what it unmounts has to be gone for everybody.
  if (has_outputs(spec, start.stage)) {
    unit.set("BindPaths",
             std::vector<Bind>{{around.outputs_file, std::string(names::kStepOutputs)}});
  }

  unit.set("CPUAccounting", true);
  unit.set("MemoryAccounting", true);
  unit.set("IOAccounting", true);
  unit.set("SyslogIdentifier", step.phase + "-" + spec.id);
  unit.set("LogExtraFields",
           JournalFields{{"KLUBSTER_STEP=" + spec.id, "KLUBSTER_PHASE=" + step.phase,
                          "KLUBSTER_STAGE=" + stage,
                          "KLUBSTER_GENERATION=" + std::to_string(plan.generation),
                          "KLUBSTER_ATTEMPT=" + std::to_string(start.attempt)}});
  if (main_run) {
    ExitCodes success{spec.success_codes};
    success.codes.insert(success.codes.end(), spec.reboot_codes.begin(), spec.reboot_codes.end());
    unit.set("SuccessExitStatus", success);
    set_limits(unit, spec.limits);
    set_manifest_properties(unit, spec);
  } else {
    const std::int32_t level = start.stage == Stage::kReady ? kLogCritical : kLogNotice;
    unit.set("LogLevelMax", level);
    unit.set("SyslogLevel", level);
  }
  return unit;
}

}  // namespace klubster
