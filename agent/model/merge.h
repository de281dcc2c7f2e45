// The config tree resolved for one node: layers and overlays in rounds. Pure: files come in as
// data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/hardware.h"
#include "model/tree.h"
#include "model/tree_patch.h"

namespace klubster {

struct MergeRequest {
  std::vector<TreeLayer> layers;     // lowest first
  std::string hostname;              // of the machine
  std::string node;                  // forced by --node; empty: node/name, match/, hostname
  std::optional<Hardware> hardware;  // nullopt: match/ is not looked at
};

// How the name of the node was found.
enum class NodeNameFrom { kCaller, kKey, kMatch, kHostname };

struct MergedTree {
  std::string node;  // the name under which overlays and members were looked up; may be empty
  NodeNameFrom node_from = NodeNameFrom::kCaller;
  std::map<std::string, Setting> settings;  // key -> value, every value well-formed
  // Keys and directories that an .unset file took away from below.
  std::map<std::string, Origin> removed;
  std::vector<TreeProblem> errors;
  std::vector<TreeProblem> warnings;
  // As in ConfigSources: what it lacks may be on the machine that the tree is for.
  bool elsewhere = false;
  std::vector<std::string> nodes;  // every name that members/ or overlays/node= mention, sorted

  // Values of the keys below `prefix` ("inputs/"), by what stands after it.
  std::map<std::string, std::string> below(std::string_view prefix) const;
  // A mistake about this key, with the file that gives it its value.
  TreeProblem problem(const std::string& key, std::string message,
                      std::string reason = "ConfigInvalid") const;
};

// Resolves in rounds, so that it cannot be circular: the node's name, then environment and cluster,
// then modes, then everything. Values that are malformed are errors and left out.
MergedTree merge_tree(const MergeRequest& request);

}  // namespace klubster
