// The steps of a manifest.
#include <set>

#include "base/text.h"
#include "model/profile_rules.h"
#include "unpack/manifest.h"

namespace klubster {

namespace {

constexpr std::uint64_t kCheckTimeoutUsec = 60'000'000;

// `check: [bin/x]`, or with more to say `check: { run: [bin/x], timeout: 10s }`.
ProbeSpec read_probe(MapReader& step, const std::string& key, ProbeSpec probe) {
  const YamlNode* found = step.find(key);
  if (found == nullptr) return probe;
  if (found->kind == YamlNode::Kind::kSequence) {
    probe.run = step.texts(key);
    if (probe.run.empty()) step.expected(key, "a command", *found);
    return probe;
  }
  step.map(key, [&](MapReader& reader) {
    probe.run = reader.texts("run");
    if (probe.run.empty()) reader.refuse("run", "expected a command, found nothing");
    if (key == "ready") probe.interval_usec = reader.duration_usec("interval", probe.interval_usec);
    probe.timeout_usec = reader.duration_usec("timeout", probe.timeout_usec);
  });
  return probe;
}

ProbeSpec with_timeout(std::uint64_t usec) {
  ProbeSpec probe;
  probe.timeout_usec = usec;
  return probe;
}

std::vector<int> read_codes(MapReader& step, const std::string& key, std::vector<int> otherwise) {
  if (!step.has(key)) return otherwise;
  std::vector<int> codes;
  for (const auto number : step.integers(key)) {
    if (number < 0 || number > 255) {
      step.refuse(key, "expected exit codes 0 to 255, found " + std::to_string(number));
    } else {
      codes.push_back(static_cast<int>(number));
    }
  }
  return codes;
}

NeedSpec read_need(MapReader& reader) {
  NeedSpec need;
  if (!reader.has("peers"))
    reader.refuse("peers", "expected which peers to wait for, found nothing");
  reader.map("peers", [&](MapReader& peers) {
    need.phase = peers.text("phase", true);
    if (peers.has("condition")) need.condition = peers.text("condition");
    if (peers.has("count")) need.count = peers.text("count");
  });
  return need;
}

OutputSpec read_output(MapReader& reader) {
  OutputSpec output;
  output.name = reader.text("name", true);
  output.share = reader.word("share", {"cluster"}).has_value();
  output.sensitive = reader.boolean("sensitive", false);
  return output;
}

// A YAML value as JSON: plain words get the type that they look like.
Json json_of(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kSequence) {
    Json list = Json::array();
    for (const auto& item : node.items)
      list.push_back(json_of(item));
    return list;
  }
  if (node.kind != YamlNode::Kind::kScalar) return {};
  if (node.plain && (node.text == "true" || node.text == "false")) return Json(node.text == "true");
  const auto number = node.plain ? parse_number(node.text, INT64_MAX) : std::nullopt;
  return number ? Json(*number) : Json(node.text);
}

void read_unit(MapReader& reader, StepSpec& step) {
  for (const auto& member : reader.node().members) {
    (void)reader.find(member.key);  // all are known here: the rules judge the names
    Json value = json_of(member.value);
    const UnitProperty* property = find_unit_property(member.key);
    if (property != nullptr) {
      auto canonical = unit_property_value(*property, value);
      if (!canonical) {
        reader.refuse(member.key, canonical.error().message());
        continue;
      }
      value = std::move(*canonical);
    }
    step.unit.insert_or_assign(member.key, std::move(value));
  }
}

void read_limits(MapReader& reader, LimitSpec& limits) {
  limits.memory_bytes = reader.size("memory");
  if (const YamlNode* cpu = reader.find("cpu")) {
    const auto percent =
        cpu->text.ends_with('%')
            ? parse_number(std::string_view(cpu->text).substr(0, cpu->text.size() - 1), 100'000)
            : std::nullopt;
    if (!percent || *percent == 0) reader.expected("cpu", "a share such as 50%", *cpu);
    limits.cpu_percent = percent.value_or(0);
  }
  const auto tasks = reader.integer("tasks");
  if (tasks && (*tasks < 1 || *tasks > 4'194'304)) {
    reader.refuse("tasks", "expected 1 to 4194304, found " + std::to_string(*tasks));
  } else if (tasks) {
    limits.tasks = static_cast<std::uint64_t>(*tasks);
  }
}

void read_retry(MapReader& reader, RetrySpec& retry) {
  if (const auto attempts = reader.integer("attempts")) {
    retry.attempts = *attempts < 0 ? 0 : static_cast<std::uint64_t>(*attempts);
  }
  retry.backoff_usec = reader.duration_usec("backoff", retry.backoff_usec);
  retry.max_backoff_usec = reader.duration_usec("maxBackoff", retry.max_backoff_usec);
}

// Core's steps have their own commands, inputs, times and proofs.
void refuse_beside_core(MapReader& reader) {
  static const std::set<std::string> kBeside = {"id", "core", "needs", "after"};
  for (const auto& member : reader.node().members) {
    if (kBeside.count(member.key) > 0) continue;
    reader.refuse(member.key, "expected nothing but id, needs and after beside core");
  }
}

// What tasks, services and commands have in common.
void read_work(MapReader& reader, StepSpec& step) {
  step.run = reader.texts("run");
  step.user = reader.text("user");
  reader.map("unit", [&](MapReader& unit) { read_unit(unit, step); });
  reader.maps("needs", [&](MapReader& need) { step.needs.push_back(read_need(need)); });
  reader.map("when", [&](MapReader& when) {
    step.when_input = when.text("input", true);
    step.when_is = when.text("is", true);
  });
  step.inputs = reader.texts("inputs");
  reader.maps("outputs", [&](MapReader& output) { step.outputs.push_back(read_output(output)); });
  step.files = reader.texts("files");
  step.check = read_probe(reader, "check", with_timeout(kCheckTimeoutUsec));
  step.timeout_usec = reader.duration_usec("timeout", step.timeout_usec);
  reader.map("retry", [&](MapReader& retry) { read_retry(retry, step.retry); });
  const bool repeatable = step.kind == StepKind::kTask && step.check;
  step.idempotent = reader.boolean("idempotent", repeatable);
  step.success_codes = read_codes(reader, "successCodes", step.success_codes);
  step.reboot_codes = read_codes(reader, "rebootCodes", step.reboot_codes);
  reader.map("limits", [&](MapReader& limits) { read_limits(limits, step.limits); });
}

}  // namespace

StepSpec read_step(MapReader& reader) {
  StepSpec step;
  step.id = reader.text("id", true);
  reader.map("core", [&](MapReader& core) { step.core_mode = core.text("mode", true); });
  step.start_unit = reader.text("startUnit");
  if (!step.start_unit.empty()) step.kind = StepKind::kService;
  if (const auto kind = reader.word("kind", {"task", "service"})) {
    step.kind = *step_kind_from(*kind);
  }
  step.unit_name = reader.text("unitName");
  step.ready = read_probe(reader, "ready", ProbeSpec{});
  step.after = reader.texts("after");
  step.undo = read_probe(reader, "undo", with_timeout(step.timeout_usec));
  step.condition = reader.text("condition");
  read_work(reader, step);
  if (reader.has("core")) refuse_beside_core(reader);
  return step;
}

StepSpec read_command(const std::string& name, MapReader& reader) {
  StepSpec step;
  step.id = name;
  step.retry.attempts = 1;  // somebody waits for its answer
  read_work(reader, step);
  return step;
}

std::vector<std::string> files_of_step(const StepSpec& step, const PackageFiles& files) {
  if (!step.files.empty() || step.run.empty() || step.run[0].starts_with("/")) return step.files;
  const auto slash = step.run[0].rfind('/');
  if (slash != std::string::npos) return {step.run[0].substr(0, slash)};
  // At the root everything counts but the manifest: what it says of the step counts by itself.
  std::vector<std::string> names;
  for (const auto& [path, file] : files) {
    const std::string name = path.substr(0, path.find('/'));
    const bool described = name == "profile.yaml" || name == "profile.env";
    if (!described && (names.empty() || names.back() != name)) names.push_back(name);
  }
  return names;
}

}  // namespace klubster
