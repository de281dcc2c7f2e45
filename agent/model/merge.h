// Layers and overlays of the config tree, laid over one another. Pure: files come in as data.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace klubster {

// Layers of config-tree.md, lowest first.
inline constexpr int kLayerDefault = 1;
inline constexpr int kLayerImage = 2;    // /usr/share/klubster
inline constexpr int kLayerSystem = 3;   // /etc/klubster
inline constexpr int kLayerMachine = 4;  // /var/lib/klubster/config
inline constexpr int kLayerRuntime = 5;  // /run/klubster/config
std::string_view layer_name(int layer);  // "image", "system", …

// One file of a root as it was read. Its key is its path below the root, overlays included:
// "overlays/node=n1/profile/url", "profile/ca.unset".
struct TreeFile {
  std::string key;
  std::string value;  // one trailing newline is already dropped
  std::string file;   // full path, for messages
};

// One thing that is wrong, or merely odd, in a tree.
struct TreeProblem {
  std::string file;  // empty: no single file is to blame
  std::string key;
  std::string message;                   // "expected …, found … (did you mean …?)"
  std::string reason = "ConfigInvalid";  // row of base/reason.h
  // "FILE: key KEY: MESSAGE"
  std::string text() const;
};

struct TreeLayer {
  int layer = 0;
  std::string root;
  std::vector<TreeFile> files;  // any order
  // What could not be read; the keys are paths below the root like those of files.
  std::vector<TreeProblem> problems;
};

struct Origin {
  int layer = kLayerDefault;
  std::string file;
  bool operator==(const Origin&) const = default;
};

struct Setting {
  std::string value;
  Origin origin;
  std::vector<Origin> shadowed;  // what it won against, the nearest first
  bool operator==(const Setting&) const = default;
};

struct MergeRequest {
  std::vector<TreeLayer> layers;  // lowest first
  std::string hostname;           // of the machine
  std::string node;               // forced by --node; empty: node/name, else the hostname
};

struct MergedTree {
  std::string node;  // the name under which overlays and members were looked up; may be empty
  bool node_from_host = false;
  std::map<std::string, Setting> settings;  // key -> value, every value well-formed
  std::vector<TreeProblem> errors;
  std::vector<TreeProblem> warnings;
  std::vector<std::string> nodes;  // every name that members/ or overlays/node= mention, sorted
};

// Resolves in rounds, so that it cannot be circular: the node's name, then environment and cluster,
// then modes, then everything. Values that are malformed are errors and left out.
MergedTree merge_tree(const MergeRequest& request);

}  // namespace klubster
