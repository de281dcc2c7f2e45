// Reads the config tree from its roots on disk.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "linux/config_sources.h"
#include "model/merge.h"
#include "model/node_config.h"

namespace klubster {

// Every layer of a tree, read at one moment: for one node or for all of a fleet.
struct ConfigLayers {
  std::vector<TreeLayer> layers;  // lowest first
  bool at_rest = true;            // false: it changed in each of several readings
};

// Reads all layers until they rest: nothing has changed since they were read, or two readings in a
// row agree. So a tree that is changed while it is read is never used half old, half new. Never
// blocks on a FIFO or device and never opens one. What cannot be read is in the layers' problems.
ConfigLayers read_config_layers(const ConfigSources& sources);
// The tree of the node that `sources` names. Files that break the rules of form (config-tree.md
// "Form") are in its errors; it is whole apart from them.
MergedTree merge_config(const ConfigLayers& read, const ConfigSources& sources);
// Both at once.
MergedTree read_config_tree(const ConfigSources& sources);

// What this node was told to be. All mistakes of form and content at once: kInvalid, reason
// ConfigInvalid, one line each: "FILE: key KEY: expected …, found … (did you mean …?)".
Result<NodeConfig> resolve_config(const ConfigSources& sources);

// The last good config from its stored form (to_json with kDigest), with today's secrets taken from
// the tree as far as they can be read. BadJson when the stored form is damaged.
Result<NodeConfig> restore_config(const Json& stored, const ConfigSources& sources);

}  // namespace klubster
