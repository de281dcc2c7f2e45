// klubster config diff
#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/text_table.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct ConfigDiffOptions {
  std::vector<std::string> roots;
  std::string a, b;
  bool origin = false;
  bool json = false;
};

using Settings = std::map<std::string, Setting>;

Error unknown_node(const std::string& name, const std::vector<std::string>& nodes) {
  std::string message = "this tree does not mention a node `" + printable(name, 80) + "`";
  if (const auto meant = nearest(name, nodes)) message += " (did you mean " + *meant + "?)";
  return Error(ErrorKind::kInvalid, "UnknownName", message)
      .hint(nodes.empty() ? "klubster config list --origin"
                          : "nodes of this tree: " + join(nodes, ", "));
}

// What the node goes by: its modes may stand in its member entry only, its name differs anyway.
Result<Settings> settings_of(const ConfigDiffOptions& options, const std::string& node) {
  const auto sources = sources_of({options.roots, node});
  if (!sources) return sources.error();
  auto tree = read_config_tree(*sources);
  if (std::find(tree.nodes.begin(), tree.nodes.end(), node) == tree.nodes.end()) {
    return unknown_node(node, tree.nodes);
  }
  tell_mistakes(tree, {options.roots, node});
  if (const auto member = tree.settings.find("members/" + node + "/modes");
      member != tree.settings.end()) {
    tree.settings.try_emplace("node/modes", member->second);
  }
  tree.settings.erase("node/name");
  return std::move(tree.settings);
}

struct Difference {
  std::string key;
  const Setting* a = nullptr;  // nullptr: the node has no value of its own there
  const Setting* b = nullptr;
};

std::vector<Difference> differences(const Settings& a, const Settings& b) {
  std::set<std::string> keys;
  for (const auto* settings : {&a, &b}) {
    for (const auto& [key, setting] : *settings)
      keys.insert(key);
  }
  std::vector<Difference> found;
  for (const auto& key : keys) {
    const auto in = [&](const Settings& settings) {
      const auto entry = settings.find(key);
      return entry == settings.end() ? nullptr : &entry->second;
    };
    const Setting* of_a = in(a);
    const Setting* of_b = in(b);
    if (of_a != nullptr && of_b != nullptr && of_a->value == of_b->value) continue;
    found.push_back({key, of_a, of_b});
  }
  return found;
}

std::string side_text(const std::string& key, const Setting* setting) {
  if (setting != nullptr) return value_cell(key, *setting);
  const std::string value = default_value(*find_key(key));
  return value.empty() ? "not set" : value + " (default)";
}

Json side_json(const std::string& key, const Setting* setting) {
  if (setting == nullptr) return nullptr;
  Json json;
  json["value"] = shown_value(key, *setting);
  json["layer"] = setting->origin.layer;
  json["file"] = setting->origin.file;
  return json;
}

Json as_json(const std::vector<Difference>& list, const ConfigDiffOptions& options) {
  Json json = Json::array();
  for (const auto& difference : list) {
    Json entry;
    entry["key"] = difference.key;
    entry["secret"] = find_key(difference.key)->secret;
    entry[options.a] = side_json(difference.key, difference.a);
    entry[options.b] = side_json(difference.key, difference.b);
    json.push_back(std::move(entry));
  }
  return json;
}

std::string as_text(const std::vector<Difference>& list, const ConfigDiffOptions& options) {
  if (list.empty()) return "";
  std::vector<std::string> heading = {"KEY", options.a, options.b};
  if (options.origin) heading = {"KEY", options.a, "FROM", options.b, "FROM"};
  std::vector<std::vector<Cell>> rows;
  for (const auto& [key, a, b] : list) {
    std::vector<Cell> row = {Cell(key)};
    for (const Setting* side : {a, b}) {
      row.emplace_back(side_text(key, side));
      if (options.origin) row.emplace_back(side == nullptr ? "" : origin_text(side->origin));
    }
    rows.push_back(std::move(row));
  }
  return text_table(heading, rows, look_of_stdout());
}

int run(const ConfigDiffOptions& options) {
  const auto a = settings_of(options, options.a);
  if (!a) return report(a.error());
  const auto b = settings_of(options, options.b);
  if (!b) return report(b.error());
  const auto list = differences(*a, *b);
  std::cout << (options.json ? as_json(list, options).pretty() + "\n" : as_text(list, options));
  return kExitDone;
}

}  // namespace

Action declare_config_diff(Arguments& arguments) {
  const auto options = std::make_shared<ConfigDiffOptions>();
  arguments.word("NODE_A", &options->a, "A node of the tree", true);
  arguments.word("NODE_B", &options->b, "Another node of the tree", true);
  arguments.options(
      "--root", &options->roots, "DIR",
      "Read the tree from DIR instead of this machine's; several: lowest layer first");
  arguments.flag("--origin", &options->origin, "Also show the layer and file of each value");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
