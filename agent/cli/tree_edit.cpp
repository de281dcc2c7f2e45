// A change is judged by the tree as it would be: nothing is written to try it out.
#include "cli/tree_edit.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "base/text.h"
#include "cli/exit_code.h"
#include "linux/files.h"
#include "model/key_names.h"
#include "model/schema.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

// Whether this process could make or change the root.
bool may_write(const std::string& root) {
  std::filesystem::path path = root;
  while (!exists(path) && path.has_relative_path())
    path = path.parent_path();
  return ::access(path.c_str(), W_OK) == 0;
}

Result<ConfigRoot> machine_root(const ConfigSources& sources) {
  const auto found = std::ranges::find(sources.roots, kLayerMachine, &ConfigRoot::layer);
  if (found == sources.roots.end()) {
    return Error(ErrorKind::kInvalid, "Usage",
                 "expected a third directory in KLUBSTER_CONFIG_PATH, which is layer machine, "
                 "found fewer")
        .hint("name the directory to write: --root DIR");
  }
  if (!may_write(found->path)) {
    return Error(ErrorKind::kInvalid, "AccessDenied", "only root may do this")
        .in("writing " + found->path);
  }
  return *found;
}

// The layers with the changes made.
void apply(std::vector<TreeLayer>& layers, const EditTarget& target,
           const std::vector<TreeChange>& changes) {
  for (auto& layer : layers) {
    if (layer.layer != target.root.layer || layer.root != target.root.path) continue;
    for (const auto& change : changes) {
      std::erase_if(layer.files, [&](const TreeFile& file) { return file.key == change.key; });
      std::erase_if(layer.problems,
                    [&](const TreeProblem& problem) { return problem.key == change.key; });
      if (!change.value) continue;
      layer.files.push_back({change.key, *change.value, layer.root + "/" + change.key});
    }
  }
}

// What is wrong with a file by itself, to whichever node it applies; empty: nothing.
std::string mistake_of(const TreeChange& change, int layer) {
  const TreeFile file{change.key, *change.value, ""};
  const TreeEntry entry = tree_entry(file, layer);
  return entry.problem ? entry.problem->message : "";
}

// The tree before and after, for one node.
struct Outcome {
  MergedTree before, after;
};

class Edit {
 public:
  Edit(const EditTarget& target, const std::vector<TreeChange>& changes)
      : target_(target), changes_(changes) {}

  int run() {
    for (const auto& node : nodes())
      outcomes_.push_back({tree_of(node, false), tree_of(node, true)});
    if (const auto refused = mistakes(); !refused.empty()) {
      return report(Error(ErrorKind::kInvalid, "ConfigInvalid", join(refused, "\n"))
                        .hint("nothing was written; klubster explain KEY shows what fits"));
    }
    if (auto changed = change_tree(target_.root.path, changes_); !changed) {
      return report(changed.error());
    }
    tell_mistakes_elsewhere();
    if (outcomes_.size() == 1) tell_about_keys(outcomes_[0]);
    return kExitDone;
  }

 private:
  MergedTree tree_of(const std::string& node, bool changed) const {
    ConfigSources sources = target_.sources;
    sources.node = node;
    ConfigLayers read = read_config_layers(sources);
    if (changed) apply(read.layers, target_, changes_);
    return merge_config(read, sources);
  }

  // A fleet's tree is judged for each of its nodes.
  std::vector<std::string> nodes() const {
    if (!target_.fleet || !target_.sources.node.empty()) return {target_.sources.node};
    const auto found = tree_of("", true).nodes;
    return found.empty() ? std::vector<std::string>{""} : found;
  }

  bool is_about_change(const TreeProblem& problem) const {
    return std::ranges::any_of(changes_, [&](const TreeChange& change) {
      return problem.file == target_.root.path + "/" + change.key;
    });
  }

  std::vector<std::string> mistakes() const {
    std::vector<std::string> lines;
    std::set<std::string> refused;
    for (const auto& change : changes_) {
      if (!change.value) continue;
      if (auto wrong = mistake_of(change, target_.root.layer); !wrong.empty()) {
        lines.push_back(change.key + ": " + wrong);
        refused.insert(target_.root.path + "/" + change.key);
      }
    }
    std::set<std::string> told;
    for (const auto& [before, after] : outcomes_) {
      for (const auto* problems : {&after.errors, &after.warnings}) {
        for (const auto& problem : *problems) {
          if (is_about_change(problem) && refused.count(problem.file) == 0 &&
              told.insert(problem.text()).second) {
            lines.push_back(problem.text());
          }
        }
      }
    }
    return lines;
  }

  // A tree is built up key by key: what is still missing is no reason to refuse a key.
  void tell_mistakes_elsewhere() const {
    std::set<std::string> told;
    for (const auto& [before, after] : outcomes_) {
      const auto config = make_node_config(after);
      if (config) continue;
      for (const auto& line : split(config.error().message(), '\n')) {
        if (told.insert(line).second)
          std::cerr << "note: the tree is not whole yet: " << line << "\n";
      }
    }
  }

  void tell_about_keys(const Outcome& outcome) const {
    std::set<std::string> keys;
    for (const auto& change : changes_) {
      std::string key = key_in_overlay(change.key);
      if (key.ends_with(kUnsetSuffix)) key.resize(key.size() - kUnsetSuffix.size());
      keys.insert(key);
    }
    for (const auto& key : keys)
      tell_about_key(key, outcome);
  }

  void tell_about_key(const std::string& key, const Outcome& outcome) const {
    const auto before = outcome.before.settings.find(key);
    const auto after = outcome.after.settings.find(key);
    const bool had = before != outcome.before.settings.end();
    const bool has = after != outcome.after.settings.end();
    if (has && !after->second.origin.file.starts_with(target_.root.path + "/")) {
      std::cerr << "note: " << key << " is " << shown_value(key, after->second) << ", from "
                << origin_text(after->second.origin)
                << (after->second.origin.layer < target_.root.layer ? " (--mask hides it)" : "")
                << "\n";
    }
    const KeySpec* spec = find_key(key);
    const bool differs = had != has || (had && before->second.value != after->second.value);
    if (spec != nullptr && !spec->in_place && differs && !target_.fleet) {
      std::cerr << "note: " << key
                << " does not change in place: a node that belongs to a cluster leaves it first "
                   "(klubster leave)\n";
    }
  }

  const EditTarget& target_;
  const std::vector<TreeChange>& changes_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

void add_edit_options(Arguments& arguments, TreeOptions* options) {
  arguments.options("--root", &options->roots, "DIR",
                    "Write into the tree in DIR instead of this machine's layer 4");
  arguments.option("--node", &options->node, "NAME", "Only for this node: overlays/node=NAME");
}

Result<EditTarget> edit_target(const TreeOptions& options) {
  if (options.roots.size() > 1) {
    return Error(ErrorKind::kInvalid, "Usage", "expected one --root to write into, found several");
  }
  EditTarget target;
  target.fleet = !options.roots.empty();
  // A root that is not there yet is an empty tree.
  const bool is_new = target.fleet && !exists(options.roots[0]);
  auto sources = sources_of(is_new ? TreeOptions{{}, options.node} : options);
  if (!sources) return sources.error();
  if (is_new) *sources = fleet_config_sources(options.roots);
  target.sources = std::move(*sources);
  target.sources.node = options.node;
  const auto root =
      target.fleet ? Result<ConfigRoot>(target.sources.roots[0]) : machine_root(target.sources);
  if (!root) return root.error();
  target.root = *root;
  if (!options.node.empty()) target.prefix = "overlays/node=" + options.node + "/";
  return target;
}

std::string key_in_overlay(const std::string& path) {
  return overlay_path(path).rest;
}

int carry_out(const EditTarget& target, const std::vector<TreeChange>& changes) {
  return Edit(target, changes).run();
}

}  // namespace klubster
