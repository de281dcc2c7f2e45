// Showing a package.
#include "unpack/inspect.h"

#include <algorithm>

#include "base/text.h"
#include "engine/core_profile.h"
#include "model/profile_rules.h"

namespace klubster {

namespace {

std::string describe_input(const InputSpec& input) {
  std::vector<std::string> facts = {std::string(to_string(input.type))};
  if (input.required) facts.emplace_back("required");
  if (input.sensitive) facts.emplace_back("sensitive");
  if (input.from_peer) facts.emplace_back("from a peer");
  if (input.source == InputSource::kLocalOverride) facts.emplace_back("from the config tree only");
  if (input.source == InputSource::kPackageDefault) facts.emplace_back("from the package");
  if (input.required && !input.default_value && !input.from_peer)
    facts.emplace_back("not provided");
  if (input.default_value && !input.sensitive) facts.push_back("default " + *input.default_value);
  std::string text = "  " + input.name + " (" + printable(join(facts, ", "), 200) + ")";
  if (!input.description.empty()) text += ": " + printable(input.description, 200);
  return text + "\n";
}

std::string work_of(const StepSpec& step) {
  if (!step.core_mode.empty()) return "runs productive-k3s Core, mode " + step.core_mode;
  if (!step.start_unit.empty()) return "starts " + step.start_unit;
  return "runs " + printable(join(step.run, " "), 200);
}

std::string describe_step(const StepSpec& step) {
  std::string text = "    " + step.id + ": " + std::string(to_string(step.kind)) + ", ";
  text += work_of(step);
  if (!step.user.empty()) text += " as " + step.user;
  if (!step.after.empty()) text += ", after " + join(step.after, ", ");
  for (const auto& need : step.needs)
    text += ", waits for " + need.count + " " + need.phase + " " + need.condition;
  if (!step.when_input.empty()) {
    text += ", when " + step.when_input + " is " + printable(step.when_is, 80);
  }
  return text + "\n";
}

// A node of a cluster with one server and one agent, or alone, by its modes.
std::vector<NodeConfig> core_nodes() {
  const std::vector<std::string> server = {"server", "stack"}, agent = {"agent"};
  std::vector<NodeConfig> nodes;
  for (const auto& modes : {server, agent, std::vector<std::string>{"single-node"}}) {
    NodeConfig config;
    config.node = modes[0];
    config.modes = modes;
    config.core.path = "BUNDLE";
    if (modes[0] != "single-node") {
      config.members = {{"server", server, "", ""}, {"agent", agent, "", ""}};
    }
    nodes.push_back(std::move(config));
  }
  return nodes;
}

std::string describe_core(const Profile& profile) {
  std::string text = "Modes, through productive-k3s Core\n";
  for (const auto& config : core_nodes()) {
    const auto made = with_core(profile, config);
    if (!made) return fact_line("Modes", "none: klubster runs nothing of it");
    for (const auto& mode : config.modes) {
      text += "  " + mode + "\n";
      for (const auto& step : made->modes.at(mode)) {
        StepSpec shown = step;
        shown.run.resize(std::min<std::size_t>(shown.run.size(), 2));  // the rest is places
        shown.run[0] = "klubster-core";
        text += describe_step(shown);
      }
    }
  }
  return text;
}

Json core_to_json(const Profile& profile) {
  Json modes = Json::object();
  for (const auto& config : core_nodes()) {
    const auto made = with_core(profile, config);
    if (!made) return nullptr;
    for (const auto& mode : config.modes) {
      for (const auto& step : made->modes.at(mode))
        modes[mode].push_back(to_json(step));
    }
  }
  return modes;
}

}  // namespace

std::string fact_line(const std::string& label, const std::string& value) {
  if (value.empty()) return "";
  return label + std::string(label.size() < 12 ? 12 - label.size() : 1, ' ') +
         printable(value, 400) + "\n";
}

std::string describe_package(const OpenedPackage& package) {
  const Profile& profile = package.profile;
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : package.files)
    bytes += file.bytes;
  std::vector<std::string> requirements;
  for (const auto& [name, constraint] : profile.requires_versions)
    requirements.push_back(join({name, constraint}, " "));

  std::string text = fact_line("Profile", profile.name + " " + profile.version);
  text += fact_line("Category", profile.category);
  text += fact_line("Scenario", profile.scenario);
  text += fact_line("Engine", profile.engine);
  text += fact_line("Systems", join(profile.os, ", "));
  text += fact_line("Machines", join(profile.architectures, ", "));
  text += fact_line("Requires", join(requirements, ", "));
  text += fact_line("Script", profile.install_script);
  text += fact_line("Files",
                    std::to_string(package.files.size()) + ", " + std::to_string(bytes) + " bytes");
  if (!profile.inputs.empty()) text += "Inputs\n";
  for (const auto& input : profile.inputs)
    text += describe_input(input);
  text += profile.modes.empty() ? describe_core(profile) : "Modes\n";
  for (const auto& [mode, steps] : profile.modes) {
    text += "  " + mode + "\n";
    for (const auto& step : steps)
      text += describe_step(step);
  }
  if (!profile.commands.empty()) text += "Commands\n";
  for (const auto& [name, command] : profile.commands)
    text += describe_step(command);
  return text;
}

Json package_to_json(const OpenedPackage& package) {
  Json json;
  json["profile"] = to_json(package.profile);
  json["files"] = Json::array();
  for (const auto& [path, file] : package.files) {
    Json item;
    item["path"] = path;
    item["mode"] = file.executable ? "0755" : "0644";
    item["bytes"] = file.bytes;
    item["sha256"] = file.sha256;
    json["files"].push_back(std::move(item));
  }
  if (package.profile.modes.empty()) json["core"] = core_to_json(package.profile);
  return json;
}

}  // namespace klubster
