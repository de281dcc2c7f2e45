// Resolving a tree in rounds.
#include "model/merge.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "model/schema.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

// What decides which overlays apply; an empty one selects nothing.
struct Selectors {
  std::string node, environment, cluster;
  std::vector<std::string> modes;
};

struct LayerEntries {
  int layer = 0;
  std::vector<TreeEntry> entries;
};

bool applies(OverlayKind kind, const std::string& name, const Selectors& selectors) {
  switch (kind) {
    case OverlayKind::kBase:
      return true;
    case OverlayKind::kEnvironment:
      return name == selectors.environment;
    case OverlayKind::kCluster:
      return name == selectors.cluster;
    case OverlayKind::kMode:
      return std::ranges::count(selectors.modes, name) != 0;
    case OverlayKind::kNode:
      return name == selectors.node;
  }
  return false;
}

// Within a root: by kind, overlays of several modes in the order of node/modes; what is unset goes
// before the values beside it.
auto rank(const TreeEntry& entry, const Selectors& selectors) {
  const auto mode = std::ranges::find(selectors.modes, entry.overlay) - selectors.modes.begin();
  return std::tuple(static_cast<int>(entry.kind), entry.kind == OverlayKind::kMode ? mode : 0,
                    entry.action != EntryAction::kUnset);
}

bool is_match(const TreeEntry& entry) {
  return entry.action == EntryAction::kMatch || entry.action == EntryAction::kUnmatch;
}

// Whether an entry can have a say in which overlays apply.
bool selects(const TreeEntry& entry) {
  return entry.action != EntryAction::kSet || entry.key == "node/name" ||
         entry.key == "node/environment" || entry.key == "cluster/name" ||
         entry.key == "node/modes" ||
         (entry.key.starts_with("members/") && entry.key.ends_with("/modes"));
}

enum class Round { kSelectors, kAll };

class Merger {
 public:
  explicit Merger(const MergeRequest& request) : request_(request) {}

  MergedTree run() {
    for (const auto& layer : request_.layers)
      layers_.push_back(read_layer(layer));
    find_node();
    Selectors selectors;
    selectors.node = tree_.node;
    auto patch = fold(selectors, Round::kSelectors);
    selectors.environment = value_of(patch, "node/environment");
    selectors.cluster = value_of(patch, "cluster/name");
    if (selectors.cluster.empty()) selectors.cluster = find_key("cluster/name")->default_text;
    patch = fold(selectors, Round::kSelectors);
    auto modes = value_of(patch, "node/modes");
    if (modes.empty()) modes = value_of(patch, "members/" + tree_.node + "/modes");
    selectors.modes = words(modes);
    take(fold(selectors, Round::kAll));
    report_entries(selectors);
    report_unreadable(selectors);
    collect_nodes();
    return std::move(tree_);
  }

 private:
  static std::string value_of(const TreePatch& patch, const std::string& key) {
    const auto found = patch.settings().find(key);
    return found == patch.settings().end() ? "" : found->second.value;
  }

  void error(const std::string& file, const std::string& key, std::string message) {
    tree_.errors.push_back({file, key, std::move(message), "ConfigInvalid"});
  }

  LayerEntries read_layer(const TreeLayer& layer) {
    LayerEntries read{layer.layer, {}};
    read.entries.reserve(layer.files.size());
    for (const auto& file : layer.files) {
      read.entries.push_back(tree_entry(file, layer.layer));
      const TreeEntry& entry = read.entries.back();
      if (entry.kind == OverlayKind::kNode) tree_.nodes.push_back(entry.overlay);
    }
    // The order of a directory must not matter.
    std::ranges::sort(read.entries, [](const TreeEntry& a, const TreeEntry& b) {
      return std::tie(a.key, a.source->key) < std::tie(b.key, b.source->key);
    });
    for (const auto& entry : read.entries) {
      if (is_match(entry)) take_match(entry, layer.layer);
    }
    return read;
  }

  // Everybody looks at all match files, so everybody is told what is wrong with them.
  void take_match(const TreeEntry& entry, int layer) {
    if (entry.action == EntryAction::kUnmatch) return matches_.remove(entry.overlay, entry.key);
    auto wrong =
        matches_.add(entry.overlay, entry.key, entry.source->value, {layer, entry.source->file});
    if (wrong) error(entry.source->file, "match/" + entry.key, std::move(*wrong));
  }

  void find_node() {
    if (!request_.node.empty()) {
      tree_.node = request_.node;
      return;
    }
    tree_.node_from = NodeNameFrom::kKey;
    tree_.node = value_of(fold({}, Round::kSelectors), "node/name");
    if (!tree_.node.empty() || find_node_by_match()) return;
    tree_.node_from = NodeNameFrom::kHostname;
    std::string host = request_.hostname.substr(0, request_.hostname.find('.'));
    std::ranges::transform(host, host.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (!is_host_label(host)) {
      return error("", "node/name",
                   "expected a host name of one label, found neither the file nor a usable "
                   "hostname of the machine (`" +
                       printable(request_.hostname, 80) + "`)");
    }
    tree_.node = host;
    if (request_.hardware && !matches_.empty() && !is_node_without_match(host)) refuse_stranger();
  }

  bool find_node_by_match() {
    if (!request_.hardware) return false;
    const auto found = matches_.fitting(*request_.hardware);
    if (found.empty()) return false;
    tree_.node_from = NodeNameFrom::kMatch;
    tree_.node = found[0];
    if (found.size() == 1) return true;
    std::vector<std::string> files;
    for (const auto& node : found) {
      for (const auto& file : matches_.files_of(node))
        files.push_back(file);
    }
    error("", "node/name",
          "expected one node whose match/ fits this machine, found " +
              std::to_string(found.size()) + ": " + join(found, ", ") + " (" + join(files, ", ") +
              ")");
    return true;
  }

  // A tree may name some machines by match/ and others by their hostname.
  bool is_node_without_match(const std::string& name) const {
    if (matches_.names(name)) return false;
    return std::ranges::any_of(layers_, [&](const LayerEntries& layer) {
      return std::ranges::any_of(layer.entries, [&](const TreeEntry& entry) {
        return (entry.kind == OverlayKind::kNode && entry.overlay == name) ||
               stands_in(entry.key, "members/" + name);
      });
    });
  }

  // Serial and machine id are root's to know: the message, which peers see, leaves them out.
  void refuse_stranger() {
    const auto& macs = request_.hardware->macs;
    error("", "node/name",
          "expected a node whose match/ fits this machine, found none among " +
              join(matches_.nodes(), ", ") +
              " (its MAC addresses: " + (macs.empty() ? "none" : join(macs, ", ")) +
              "; `klubster hardware` shows what match/ is compared with)");
  }

  TreePatch fold(const Selectors& selectors, Round round) const {
    TreePatch whole;
    for (const auto& layer : layers_)
      whole.lay_over(patch_of(layer, selectors, round));
    return whole;
  }

  static TreePatch patch_of(const LayerEntries& layer, const Selectors& selectors, Round round) {
    std::vector<const TreeEntry*> chosen;
    for (const auto& entry : layer.entries) {
      if (entry.problem || is_match(entry)) continue;
      if (round == Round::kSelectors && !selects(entry)) continue;
      if (applies(entry.kind, entry.overlay, selectors)) chosen.push_back(&entry);
    }
    std::ranges::stable_sort(chosen, [&](const TreeEntry* a, const TreeEntry* b) {
      return rank(*a, selectors) < rank(*b, selectors);
    });
    TreePatch patch;
    for (const TreeEntry* entry : chosen) {
      const Origin origin{layer.layer, entry->source->file};
      if (entry->action == EntryAction::kSet) patch.set(entry->key, entry->source->value, origin);
      if (entry->action == EntryAction::kUnset) patch.remove(entry->key, origin);
      if (entry->action == EntryAction::kLock) patch.lock(entry->key, origin);
    }
    return patch;
  }

  void take(const TreePatch& patch) {
    tree_.settings = patch.settings();
    for (const auto& [path, removal] : patch.removals())
      tree_.removed[path] = removal.origin;
    tree_.errors.insert(tree_.errors.end(), patch.problems().begin(), patch.problems().end());
  }

  void report_entries(const Selectors& selectors) {
    for (const auto& layer : layers_) {
      for (const auto& entry : layer.entries) {
        if (!entry.problem || !applies(entry.kind, entry.overlay, selectors)) continue;
        (entry.tolerated ? tree_.warnings : tree_.errors).push_back(*entry.problem);
      }
    }
  }

  // What could not be read in another node's overlay is not this node's trouble.
  void report_unreadable(const Selectors& selectors) {
    for (const auto& layer : request_.layers) {
      for (const auto& problem : layer.problems) {
        const OverlayPath path = overlay_path(problem.key);
        if (path.wrong || applies(path.kind, path.name, selectors)) {
          tree_.errors.push_back(problem);
        }
      }
    }
  }

  void collect_nodes() {
    for (const auto& [key, setting] : tree_.settings) {
      if (key.starts_with("members/")) tree_.nodes.push_back(split(key, '/')[1]);
    }
    std::ranges::sort(tree_.nodes);
    // std::ranges::unique() does not compile with clang 14.
    tree_.nodes.erase(std::unique(tree_.nodes.begin(), tree_.nodes.end()), tree_.nodes.end());
  }

  const MergeRequest& request_;
  std::vector<LayerEntries> layers_;
  MachineMatches matches_;
  MergedTree tree_;
};

}  // namespace

std::map<std::string, std::string> MergedTree::below(std::string_view prefix) const {
  std::map<std::string, std::string> found;
  for (const auto& [key, setting] : settings) {
    if (key.starts_with(prefix)) found[key.substr(prefix.size())] = setting.value;
  }
  return found;
}

TreeProblem MergedTree::problem(const std::string& key, std::string message,
                                std::string reason) const {
  const auto found = settings.find(key);
  const std::string file = found == settings.end() ? "" : found->second.origin.file;
  return {file, key, std::move(message), std::move(reason)};
}

MergedTree merge_tree(const MergeRequest& request) {
  return Merger(request).run();
}

}  // namespace klubster
