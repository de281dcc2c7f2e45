// Reads all layers of the config tree until they rest, and merges them.
#include "linux/config_tree.h"

#include <algorithm>
#include <utility>

#include "linux/config_root.h"
#include "model/dotted_layer.h"

namespace klubster {

namespace {

constexpr int kReadings = 8;  // before a tree counts as one that never rests

// The layers above the roots are small: they are simply read.
std::vector<TreeLayer> read_upper_layers(const ConfigSources& sources) {
  std::vector<TreeLayer> layers;
  layers.push_back(credential_layer(sources.credentials));
  layers.push_back(kernel_layer(sources.kernel_words));
  layers.push_back(location_layer(sources.locations));
  return layers;
}

bool same(const TreeLayer& a, const TreeLayer& b) {
  const auto same_file = [](const TreeFile& x, const TreeFile& y) {
    return x.key == y.key && x.value == y.value;
  };
  const auto same_problem = [](const TreeProblem& x, const TreeProblem& y) {
    return x.key == y.key && x.message == y.message;
  };
  return std::ranges::equal(a.files, b.files, same_file) &&
         std::ranges::equal(a.problems, b.problems, same_problem);
}

// All layers at about one moment.
struct Reading {
  std::vector<RootReading> roots;
  std::vector<TreeLayer> upper;

  bool operator==(const Reading& other) const {
    const auto same_root = [](const RootReading& a, const RootReading& b) {
      return same(a.layer, b.layer);
    };
    return std::ranges::equal(roots, other.roots, same_root) &&
           std::ranges::equal(upper, other.upper, same);
  }
  bool stands_still(const ConfigSources& sources) const {
    return std::ranges::all_of(roots, &RootReading::stands_still) &&
           std::ranges::equal(upper, read_upper_layers(sources), same);
  }
};

Reading read_all(const ConfigSources& sources) {
  Reading reading;
  for (const auto& root : sources.roots)
    reading.roots.push_back(read_root(root));
  reading.upper = read_upper_layers(sources);
  return reading;
}

}  // namespace

ConfigLayers read_config_layers(const ConfigSources& sources) {
  Reading reading = read_all(sources);
  bool rests = reading.stands_still(sources);
  for (int count = 1; count < kReadings && !rests; ++count) {
    Reading again = read_all(sources);
    rests = reading == again;
    reading = std::move(again);
  }
  ConfigLayers read{{}, rests};
  for (auto& root : reading.roots)
    read.layers.push_back(std::move(root.layer));
  for (auto& layer : reading.upper)
    read.layers.push_back(std::move(layer));
  return read;
}

MergedTree merge_config(const ConfigLayers& read, const ConfigSources& sources) {
  auto tree = merge_tree({read.layers, sources.hostname, sources.node, sources.hardware});
  tree.elsewhere = sources.elsewhere;
  if (!read.at_rest) {
    tree.errors.push_back({"", "",
                           "expected a tree that is at rest, found one that changed in each of " +
                               std::to_string(kReadings) + " readings",
                           "ConfigInvalid"});
  }
  return tree;
}

MergedTree read_config_tree(const ConfigSources& sources) {
  return merge_config(read_config_layers(sources), sources);
}

Result<NodeConfig> resolve_config(const ConfigSources& sources) {
  return make_node_config(read_config_tree(sources));
}

Result<NodeConfig> restore_config(const Json& stored, const ConfigSources& sources) {
  ConfigSources same_node = sources;
  same_node.node = stored.text_or("node");
  return node_config_from_json(stored, read_config_tree(same_node).settings);
}

}  // namespace klubster
