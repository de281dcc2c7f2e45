// klubster config list
#include <iostream>
#include <memory>

#include "cli/exit_code.h"
#include "cli/text_table.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct ConfigListOptions {
  TreeOptions tree;
  std::string prefix;
  bool origin = false;
  bool json = false;
};

Json as_json(const std::map<std::string, Setting>& settings, const std::string& prefix) {
  Json list = Json::array();
  for (const auto& [key, setting] : settings) {
    if (!key.starts_with(prefix)) continue;
    Json row;
    row["key"] = key;
    row["value"] = shown_value(key, setting);
    row["layer"] = setting.origin.layer;
    row["file"] = setting.origin.file;
    list.push_back(std::move(row));
  }
  return list;
}

std::string as_text(const std::map<std::string, Setting>& settings,
                    const ConfigListOptions& options) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& [key, setting] : settings) {
    if (!key.starts_with(options.prefix)) continue;
    rows.push_back({key, value_cell(key, setting)});
    if (options.origin) rows.back().emplace_back(origin_text(setting.origin));
  }
  if (rows.empty()) return "";
  std::vector<std::string> heading = {"KEY", "VALUE"};
  if (options.origin) heading.emplace_back("FROM");
  return text_table(heading, rows, look_of_stdout());
}

int run(const ConfigListOptions& options) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto tree = read_config_tree(*sources);
  tell_mistakes(tree, options.tree);
  std::cout << (options.json ? as_json(tree.settings, options.prefix).pretty() + "\n"
                             : as_text(tree.settings, options));
  return kExitDone;
}

}  // namespace

Action declare_config_list(Arguments& arguments) {
  const auto options = std::make_shared<ConfigListOptions>();
  arguments.word("PREFIX", &options->prefix, "Only keys that begin with this", false);
  add_tree_options(arguments, &options->tree);
  arguments.flag("--origin", &options->origin, "Also show the layer and file of each value");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
