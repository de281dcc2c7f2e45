// klubster config unset
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/tree_edit.h"
#include "cli/verbs.h"
#include "linux/config_root.h"
#include "model/key_names.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

struct ConfigUnsetOptions {
  TreeOptions tree;
  std::string key;
  bool mask = false;
};

// Files of the root that give the key a value, or keys below it when it is a directory.
std::vector<std::string> files_of(const EditTarget& target, const std::string& path) {
  const TreeLayer layer = read_config_root(target.root);
  std::vector<std::string> found;
  const auto take = [&](const std::string& key) {
    if (key == path || key.starts_with(path + "/")) found.push_back(key);
  };
  for (const auto& file : layer.files)
    take(file.key);
  for (const auto& problem : layer.problems)
    take(problem.key);  // what cannot be read can still be removed
  return found;
}

int run(const ConfigUnsetOptions& options) {
  const auto target = edit_target(options.tree);
  if (!target) return report(target.error());
  const std::string path = target->prefix + options.key;
  const auto files = files_of(*target, path);
  const std::string mask = path + std::string(kUnsetSuffix);
  // A key that a newer klubster wrote is not known here, but can be removed.
  const TreeFile unset{mask, "", ""};
  const bool known = !tree_entry(unset, target->root.layer).problem;
  if (!known && (files.empty() || options.mask)) {
    return report(unknown_key(key_in_overlay(options.key)));
  }
  std::vector<TreeChange> changes;
  changes.reserve(files.size() + 1);
  for (const auto& file : files)
    changes.push_back({file, std::nullopt, false});
  if (options.mask) changes.push_back({mask, "", false});
  if (changes.empty()) {
    std::cerr << "note: " << target->root.path << " does not hold " << printable(path, 200) << "\n";
    changes.push_back({path, std::nullopt, false});  // tells who gives it its value
  }
  return carry_out(*target, changes);
}

}  // namespace

Action declare_config_unset(Arguments& arguments) {
  const auto options = std::make_shared<ConfigUnsetOptions>();
  arguments.word("KEY", &options->key, "The key, or a directory of keys such as members/n1", true);
  arguments.flag("--mask", &options->mask, "Also hide what lower layers say, by KEY.unset");
  add_edit_options(arguments, &options->tree);
  return [options] { return run(*options); };
}

}  // namespace klubster
