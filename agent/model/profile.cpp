// The canonical JSON of a profile.
#include "model/profile.h"

#include "base/digest.h"
#include "base/text.h"
#include "model/profile_rules.h"

namespace klubster {

namespace {

constexpr int kJsonVersion = 1;
constexpr std::uint64_t kMaxUsec = 3650ULL * 86'400 * 1'000'000;  // ten years
constexpr std::size_t kMaxWarnings = 100;

template <typename Items, typename Make>
Json list_of(const Items& items, Make make) {
  Json list = Json::array();
  for (const auto& item : items)
    list.push_back(make(item));
  return list;
}

Json codes_to_json(const std::vector<int>& codes) {
  return list_of(codes, [](int code) { return Json(code); });
}

Json input_to_json(const InputSpec& input) {
  Json json;
  json["name"] = input.name;
  json["required"] = input.required;
  json["sensitive"] = input.sensitive;
  json["source"] = to_string(input.source);
  json["type"] = to_string(input.type);
  json["multiline"] = input.multiline;
  json["fromPeer"] = input.from_peer;
  json["description"] = input.description;
  json["pattern"] = input.pattern;
  json["values"] = input.values;
  if (input.min) json["min"] = *input.min;
  if (input.max) json["max"] = *input.max;
  if (input.default_value) json["default"] = *input.default_value;
  return json;
}

Json probe_to_json(const ProbeSpec& probe) {
  Json json;
  json["run"] = probe.run;
  json["intervalUsec"] = probe.interval_usec;
  json["timeoutUsec"] = probe.timeout_usec;
  return json;
}

std::optional<std::int64_t> integer_of(JsonReader& reader, std::string_view key) {
  const Json& value = reader.raw(key);
  if (value.is_null()) return std::nullopt;
  if (value.as_integer() == nullptr) {
    reader.refuse(key, "expected a whole number");
    return std::nullopt;
  }
  return *value.as_integer();
}

InputSpec read_input(JsonReader& reader) {
  InputSpec input;
  input.name = reader.text("name");
  input.required = reader.boolean("required");
  input.sensitive = reader.boolean("sensitive");
  const auto source = input_source_from(reader.text("source"));
  if (!source) reader.refuse("source", "unknown word");
  input.source = source.value_or(InputSource::kEither);
  const auto type = input_type_from(reader.text("type"));
  if (!type) reader.refuse("type", "unknown word");
  input.type = type.value_or(InputType::kString);
  input.multiline = reader.boolean("multiline");
  input.from_peer = reader.boolean("fromPeer");
  input.description = reader.text("description");
  input.pattern = reader.text("pattern");
  input.values = reader.texts("values");
  input.min = integer_of(reader, "min");
  input.max = integer_of(reader, "max");
  if (reader.has("default")) input.default_value = reader.text("default");
  return input;
}

ProbeSpec read_probe(JsonReader& reader) {
  ProbeSpec probe;
  probe.run = reader.texts("run");
  if (probe.run.empty()) reader.refuse("run", "expected a command, found nothing");
  probe.interval_usec = reader.number("intervalUsec", kMaxUsec);
  probe.timeout_usec = reader.number("timeoutUsec", kMaxUsec);
  return probe;
}

std::vector<int> read_codes(JsonReader& reader, std::string_view key) {
  std::vector<int> codes;
  const auto* items = reader.raw(key).as_array();
  if (items == nullptr) {
    reader.refuse(key, "expected a list of exit codes");
    return codes;
  }
  for (const auto& item : *items) {
    const auto* code = item.as_integer();
    if (code == nullptr || *code < 0 || *code > 255) {
      reader.refuse(key, "expected exit codes 0 to 255");
      return codes;
    }
    codes.push_back(static_cast<int>(*code));
  }
  return codes;
}

StepSpec read_step(JsonReader& reader) {
  StepSpec step;
  step.id = reader.text("id");
  const auto kind = step_kind_from(reader.text("kind"));
  if (!kind) reader.refuse("kind", "unknown word");
  step.kind = kind.value_or(StepKind::kTask);
  step.run = reader.texts("run");
  step.start_unit = reader.text("startUnit");
  step.core_mode = reader.text_or("core", "");
  step.unit_name = reader.text("unitName");
  reader.members(
      "unit", [&](const std::string& name, const Json& value) { step.unit.emplace(name, value); });
  step.user = reader.text("user");
  reader.objects("needs", [&](JsonReader& item) {
    step.needs.push_back({item.text("phase"), item.text("condition"), item.text("count")});
  });
  step.after = reader.texts("after");
  step.inputs = reader.texts("inputs");
  reader.objects("outputs", [&](JsonReader& item) {
    step.outputs.push_back({item.text("name"), item.boolean("share"), item.boolean("sensitive")});
  });
  step.files = reader.texts("files");
  step.files_digest = reader.text("filesDigest");
  if (!is_sha256_hex(step.files_digest)) reader.refuse("filesDigest", "expected a SHA-256 in hex");
  reader.object("ready", [&](JsonReader& item) { step.ready = read_probe(item); });
  reader.object("check", [&](JsonReader& item) { step.check = read_probe(item); });
  reader.object("undo", [&](JsonReader& item) { step.undo = read_probe(item); });
  step.timeout_usec = reader.number("timeoutUsec", kMaxUsec);
  reader.object("retry", [&](JsonReader& item) {
    step.retry = {item.number("attempts"), item.number("backoffUsec", kMaxUsec),
                  item.number("maxBackoffUsec", kMaxUsec)};
  });
  step.idempotent = reader.boolean("idempotent");
  step.success_codes = read_codes(reader, "successCodes");
  step.reboot_codes = read_codes(reader, "rebootCodes");
  reader.object("limits", [&](JsonReader& item) {
    step.limits = {item.number("memoryBytes"), item.number("cpuPercent", 1'000'000),
                   item.number("tasks", 1'000'000'000)};
  });
  step.when_input = reader.text("whenInput");
  step.when_is = reader.text("whenIs");
  step.condition = reader.text_or("condition", "");
  return step;
}

}  // namespace

std::set<std::string> sensitive_keys(const Profile& profile) {
  std::set<std::string> keys;
  for (const auto& input : profile.inputs) {
    if (input.sensitive) keys.insert("inputs/" + input.name);
  }
  return keys;
}

const InputSpec* Profile::find_input(std::string_view wanted) const {
  for (const auto& input : inputs) {
    if (input.name == wanted) return &input;
  }
  return nullptr;
}

Json to_json(const StepSpec& step) {
  Json json;
  json["id"] = step.id;
  json["kind"] = to_string(step.kind);
  json["run"] = step.run;
  json["startUnit"] = step.start_unit;
  json["unitName"] = step.unit_name;
  json["unit"] = Json(Json::Object(step.unit.begin(), step.unit.end()));
  json["user"] = step.user;
  json["needs"] = list_of(step.needs, [](const NeedSpec& need) {
    Json item;
    item["phase"] = need.phase;
    item["condition"] = need.condition;
    item["count"] = need.count;
    return item;
  });
  json["after"] = step.after;
  json["inputs"] = step.inputs;
  json["outputs"] = list_of(step.outputs, [](const OutputSpec& output) {
    Json item;
    item["name"] = output.name;
    item["share"] = output.share;
    item["sensitive"] = output.sensitive;
    return item;
  });
  json["files"] = step.files;
  json["filesDigest"] = step.files_digest;
  if (step.ready) json["ready"] = probe_to_json(step.ready);
  if (step.check) json["check"] = probe_to_json(step.check);
  if (step.undo) json["undo"] = probe_to_json(step.undo);
  json["timeoutUsec"] = step.timeout_usec;
  json["retry"]["attempts"] = step.retry.attempts;
  json["retry"]["backoffUsec"] = step.retry.backoff_usec;
  json["retry"]["maxBackoffUsec"] = step.retry.max_backoff_usec;
  json["idempotent"] = step.idempotent;
  json["successCodes"] = codes_to_json(step.success_codes);
  json["rebootCodes"] = codes_to_json(step.reboot_codes);
  json["limits"]["memoryBytes"] = step.limits.memory_bytes;
  json["limits"]["cpuPercent"] = step.limits.cpu_percent;
  json["limits"]["tasks"] = step.limits.tasks;
  json["whenInput"] = step.when_input;
  json["whenIs"] = step.when_is;
  // Left out when it is empty: what ran before there were any keeps its fingerprint.
  if (!step.condition.empty()) json["condition"] = step.condition;
  if (!step.core_mode.empty()) json["core"] = step.core_mode;
  return json;
}

Json to_json(const Profile& profile) {
  Json json;
  json["v"] = kJsonVersion;
  json["name"] = profile.name;
  json["version"] = profile.version;
  json["category"] = profile.category;
  json["scenario"] = profile.scenario;
  json["engine"] = profile.engine;
  json["installScript"] = profile.install_script;
  json["os"] = profile.os;
  json["architectures"] = profile.architectures;
  json["requires"] = Json::object();
  for (const auto& [name, constraint] : profile.requires_versions)
    json["requires"][name] = constraint;
  json["inputs"] = list_of(profile.inputs, input_to_json);
  json["modes"] = Json::object();
  for (const auto& [mode, steps] : profile.modes)
    json["modes"][mode] = list_of(steps, [](const StepSpec& step) { return to_json(step); });
  json["commands"] = Json::object();
  for (const auto& [name, command] : profile.commands)
    json["commands"][name] = to_json(command);
  json["warnings"] = profile.warnings;
  return json;
}

Result<Profile> profile_from_json(const Json& json) {
  Profile profile;
  JsonReader reader(json, "profile");
  if (reader.number("v") != kJsonVersion) reader.refuse("v", "expected 1");
  profile.name = reader.text("name");
  profile.version = reader.text("version");
  profile.category = reader.text("category");
  profile.scenario = reader.text("scenario");
  profile.engine = reader.text("engine");
  profile.install_script = reader.text("installScript");
  profile.os = reader.texts("os");
  profile.architectures = reader.texts("architectures");
  reader.members("requires", [&](const std::string& name, const Json& value) {
    if (value.as_string() == nullptr) return reader.refuse("requires", "expected texts");
    profile.requires_versions.emplace(name, *value.as_string());
  });
  reader.objects("inputs", [&](JsonReader& item) { profile.inputs.push_back(read_input(item)); });
  reader.object("modes", [&](JsonReader& modes) {
    for (const char* mode : kModeNames) {
      if (!modes.has(mode)) continue;
      auto& steps = profile.modes[mode];
      modes.objects(mode, [&](JsonReader& item) { steps.push_back(read_step(item)); });
    }
  });
  reader.object("commands", [&](JsonReader& commands) {
    const auto* named = json.get("commands").as_object();
    if (named == nullptr) return;
    for (const auto& member : *named) {
      commands.object(member.first, [&](JsonReader& item) {
        profile.commands.emplace(member.first, read_step(item));
      });
    }
  });
  profile.warnings = reader.texts("warnings");
  if (profile.warnings.size() > kMaxWarnings) reader.refuse("warnings", "expected at most 100");

  const auto refuse = [](std::string message) {
    return Error(ErrorKind::kInvalid, "ManifestInvalid", std::move(message));
  };
  const Status shape = reader.finish();
  if (!shape) return refuse(shape.error().message());
  const auto problems = check_profile(profile);
  if (problems.empty()) return profile;
  std::vector<std::string> lines;
  lines.reserve(problems.size());
  for (const auto& problem : problems)
    lines.push_back(problem.path + ": " + problem.message);
  return refuse("profile " + printable(profile.name) + ": " + join(lines, "; "));
}

}  // namespace klubster
