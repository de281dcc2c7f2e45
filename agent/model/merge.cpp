// Layers and overlays, laid over one another in rounds.
#include "model/merge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/text.h"
#include "model/schema.h"

namespace klubster {

namespace {

// In the order in which they beat one another within a root.
enum class OverlayKind { kBase, kEnvironment, kCluster, kMode, kNode };
constexpr std::array<std::string_view, 5> kKindNames = {"", "environment", "cluster", "mode",
                                                        "node"};
constexpr std::string_view kOverlays = "overlays/";

enum class FileAction { kSet, kUnset, kLock };

// A file with its path taken apart.
struct Entry {
  OverlayKind kind = OverlayKind::kBase;
  std::string overlay;  // name after "="; empty for the base
  FileAction action = FileAction::kSet;
  std::string key;  // without overlay and suffix
  const TreeFile* source = nullptr;
};

// What decides which overlays apply; an empty one selects nothing.
struct Selectors {
  std::string node, environment, cluster;
  std::vector<std::string> modes;
};

struct OverlayPath {
  OverlayKind kind = OverlayKind::kBase;
  std::string name;
  std::string rest;
};

// Takes "overlays/KIND=NAME/REST" apart; a path outside of overlays/ is its own rest.
// The error's text says what is wrong with the overlay.
std::optional<std::string> take_apart(std::string_view path, OverlayPath& into) {
  if (!path.starts_with(kOverlays)) {
    into.rest = path;
    return std::nullopt;
  }
  path.remove_prefix(kOverlays.size());
  const auto slash = path.find('/');
  const std::string_view head = path.substr(0, slash);
  const auto equals = head.find('=');
  const auto kind = std::find(kKindNames.begin() + 1, kKindNames.end(), head.substr(0, equals));
  if (equals == std::string_view::npos || kind == kKindNames.end()) {
    return "expected overlays/KIND=NAME/… with KIND one of environment, cluster, mode, node, found "
           "overlays/" +
           printable(head, 80);
  }
  into.kind = static_cast<OverlayKind>(kind - kKindNames.begin());
  into.name = head.substr(equals + 1);
  if (!is_plain_name(into.name)) {
    return "expected a name of a-z, 0-9 and - after `=`, found overlays/" + printable(head, 80);
  }
  if (slash != std::string_view::npos) into.rest = path.substr(slash + 1);
  return std::nullopt;
}

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

// Within a root: by kind; overlays of several modes in the order of node/modes.
std::pair<int, std::ptrdiff_t> rank(const Entry& entry, const Selectors& selectors) {
  const auto mode = std::ranges::find(selectors.modes, entry.overlay) - selectors.modes.begin();
  return {static_cast<int>(entry.kind), entry.kind == OverlayKind::kMode ? mode : 0};
}

bool covers(std::string_view prefix, std::string_view key) {
  return key.starts_with(prefix) && (key.size() == prefix.size() || key[prefix.size()] == '/');
}

// "members", "profile/trusted-keys.d": a directory of the schema.
bool is_key_directory(std::string_view path) {
  const auto parts = split(path, '/');
  return std::ranges::any_of(schema(), [&](const KeySpec& spec) {
    const auto segments = split(spec.pattern, '/');
    if (segments.size() <= parts.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (segments[i] != parts[i] && segments[i][0] != '<') return false;
    }
    return true;
  });
}

// An overlay may not set what decides whether it applies, or what was decided before.
std::optional<std::string> forbidden_in_overlay(const Entry& entry) {
  if (entry.kind == OverlayKind::kBase) return std::nullopt;
  const bool modes = entry.key == "node/modes" ||
                     (entry.key.starts_with("members/") && entry.key.ends_with("/modes"));
  const bool place = entry.key == "node/environment" || entry.key == "cluster/name";
  const bool forbidden = entry.key == "node/name" || (place && entry.kind != OverlayKind::kNode) ||
                         (modes && entry.kind == OverlayKind::kMode);
  if (!forbidden) return std::nullopt;
  return "expected it outside of " + std::string(kKindNames[static_cast<std::size_t>(entry.kind)]) +
         " overlays, since it decides which of them apply, found it in overlays/" +
         std::string(kKindNames[static_cast<std::size_t>(entry.kind)]) + "=" + entry.overlay;
}

class Merger {
 public:
  explicit Merger(const MergeRequest& request) : request_(request) {}

  MergedTree run() {
    for (const auto& layer : request_.layers)
      entries_.push_back(read_layer(layer));
    find_node();
    Selectors selectors;
    selectors.node = tree_.node;
    auto settings = fold(selectors, false);
    selectors.environment = value_of(settings, "node/environment");
    selectors.cluster = value_of(settings, "cluster/name");
    if (selectors.cluster.empty()) selectors.cluster = find_key("cluster/name")->default_text;
    settings = fold(selectors, false);
    auto modes = value_of(settings, "node/modes");
    if (modes.empty()) modes = value_of(settings, "members/" + tree_.node + "/modes");
    selectors.modes = words(modes);
    tree_.settings = fold(selectors, true);
    add_reading_problems(selectors);
    collect_nodes();
    return std::move(tree_);
  }

 private:
  using Settings = std::map<std::string, Setting>;

  static std::string value_of(const Settings& settings, const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? "" : found->second.value;
  }

  void error(const std::string& file, const std::string& key, std::string message) {
    tree_.errors.push_back({file, key, std::move(message), "ConfigInvalid"});
  }

  std::vector<Entry> read_layer(const TreeLayer& layer) {
    std::vector<Entry> entries;
    for (const auto& file : layer.files) {
      OverlayPath path;
      if (auto wrong = take_apart(file.key, path)) {
        error(file.file, file.key, std::move(*wrong));
        continue;
      }
      Entry entry{path.kind, path.name, FileAction::kSet, path.rest, &file};
      if (entry.key.ends_with(".unset")) {
        entry.action = FileAction::kUnset;
        entry.key.resize(entry.key.size() - 6);
      } else if (entry.key.ends_with(".lock")) {
        entry.action = FileAction::kLock;
        entry.key.resize(entry.key.size() - 5);
      }
      if (entry.kind == OverlayKind::kNode) tree_.nodes.push_back(entry.overlay);
      entries.push_back(std::move(entry));
    }
    // The order of a directory must not matter; an unset comes before the values beside it.
    std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
      return std::tie(a.key, a.source->key) < std::tie(b.key, b.source->key);
    });
    return entries;
  }

  void find_node() {
    if (!request_.node.empty()) {
      tree_.node = request_.node;
      return;
    }
    tree_.node = value_of(fold({}, false), "node/name");
    if (!tree_.node.empty()) return;
    std::string host = request_.hostname.substr(0, request_.hostname.find('.'));
    std::ranges::transform(host, host.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (is_host_label(host)) {
      tree_.node = host;
      tree_.node_from_host = true;
      return;
    }
    error("", "node/name",
          "expected a host name of one label, found neither the file nor a usable hostname of the "
          "machine (`" +
              printable(request_.hostname, 80) + "`)");
  }

  // One pass over all layers. Only the last pass reports: earlier ones see less.
  Settings fold(const Selectors& selectors, bool report) {
    Settings settings;
    std::map<std::string, Origin> locks;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const int layer = request_.layers[i].layer;
      std::vector<const Entry*> chosen;
      for (const auto& entry : entries_[i]) {
        if (applies(entry.kind, entry.overlay, selectors)) chosen.push_back(&entry);
      }
      std::ranges::stable_sort(chosen, [&](const Entry* a, const Entry* b) {
        const auto order = [&](const Entry* entry) {
          return std::pair(rank(*entry, selectors), entry->action != FileAction::kUnset);
        };
        return order(a) < order(b);
      });
      for (const Entry* entry : chosen)
        apply(*entry, layer, settings, locks, report);
    }
    return settings;
  }

  void apply(const Entry& entry, int layer, Settings& settings,
             std::map<std::string, Origin>& locks, bool report) {
    const auto refuse = [&](std::string message) {
      if (report) error(entry.source->file, entry.key, std::move(message));
    };
    const KeySpec* spec = find_key(entry.key);
    const bool directory = entry.action != FileAction::kSet && is_key_directory(entry.key);
    if (spec == nullptr && !directory) {
      if (report) report_unknown(entry, layer);
      return;
    }
    if (auto wrong = forbidden_in_overlay(entry)) return refuse(std::move(*wrong));
    if (entry.action != FileAction::kLock) {
      for (const auto& [locked, by] : locks) {
        if (by.layer < layer && (covers(locked, entry.key) || covers(entry.key, locked))) {
          return refuse("expected no change in a layer above " + by.file +
                        ", which locks it, found one");
        }
      }
    }
    if (entry.action != FileAction::kSet && !entry.source->value.empty()) {
      return refuse(
          "expected an empty file, since its name ends in .unset or .lock, found content");
    }
    if (entry.action == FileAction::kLock) {
      locks.emplace(entry.key, Origin{layer, entry.source->file});
      return;
    }
    if (entry.action == FileAction::kUnset) {
      std::erase_if(settings, [&](const auto& item) { return covers(entry.key, item.first); });
      return;
    }
    if (const auto fits = check_value(*spec, entry.source->value); !fits) {
      return refuse(fits.error().message());
    }
    Setting setting{entry.source->value, {layer, entry.source->file}, {}};
    if (const auto below = settings.find(entry.key); below != settings.end()) {
      setting.shadowed = std::move(below->second.shadowed);
      setting.shadowed.insert(setting.shadowed.begin(), below->second.origin);
    }
    settings[entry.key] = std::move(setting);
  }

  void report_unknown(const Entry& entry, int layer) {
    const std::string meant = nearest_key(entry.key);
    std::string message;
    if (is_key_directory(entry.key)) {
      message = "expected a directory, found a file";
    } else {
      message = "expected a key that klubster knows, found `" + printable(entry.key, 120) + "`";
      if (!meant.empty() && meant != entry.key) message += " (did you mean " + meant + "?)";
    }
    TreeProblem problem{entry.source->file, entry.key, std::move(message), "ConfigInvalid"};
    // Layer 4 may have been written by a newer klubster than the one that runs after a fallback to
    // an older image.
    auto& list = layer == kLayerMachine ? tree_.warnings : tree_.errors;
    list.push_back(std::move(problem));
  }

  // What could not be read in another node's overlay is not this node's trouble.
  void add_reading_problems(const Selectors& selectors) {
    for (const auto& layer : request_.layers) {
      for (const auto& problem : layer.problems) {
        OverlayPath path;
        const bool malformed = take_apart(problem.key, path).has_value();
        if (malformed || applies(path.kind, path.name, selectors)) {
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
  std::vector<std::vector<Entry>> entries_;  // one list per layer
  MergedTree tree_;
};

}  // namespace

std::string_view layer_name(int layer) {
  constexpr std::array<std::string_view, 6> kNames = {"",       "default", "image",
                                                      "system", "machine", "runtime"};
  return layer >= 1 && layer <= kLayerRuntime ? kNames[static_cast<std::size_t>(layer)] : "other";
}

std::string TreeProblem::text() const {
  std::string line = file.empty() ? "" : file + ": ";
  if (!key.empty()) line += "key " + key + ": ";
  return line + message;
}

MergedTree merge_tree(const MergeRequest& request) {
  return Merger(request).run();
}

}  // namespace klubster
