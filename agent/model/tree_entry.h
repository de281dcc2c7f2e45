// One file of a layer with its path taken apart: whose overlay, what it does, to which key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/tree.h"

namespace klubster {

// In the order in which they beat one another within a root.
enum class OverlayKind { kBase, kEnvironment, kCluster, kMode, kNode };
std::string_view overlay_kind_name(OverlayKind kind);  // "environment", …; empty for the base

enum class EntryAction {
  kSet,
  kUnset,
  kLock,
  kMatch,    // overlays/node=NAME/match/KIND; the key is KIND
  kUnmatch,  // …/match/KIND.unset
};

struct TreeEntry {
  OverlayKind kind = OverlayKind::kBase;
  std::string overlay;  // name after "="; empty for the base
  EntryAction action = EntryAction::kSet;
  std::string key;  // without overlay and suffix
  const TreeFile* source = nullptr;
  // Why it does not count. It matters to those to whom the overlay applies.
  std::optional<TreeProblem> problem;
  bool tolerated = false;  // the problem is a warning
};

// The overlay that a path of a root stands in. `rest` is the path within it.
struct OverlayPath {
  OverlayKind kind = OverlayKind::kBase;
  std::string name;
  std::string rest;
  std::optional<std::string> wrong;  // "expected overlays/KIND=NAME/…, found …"
};
OverlayPath overlay_path(std::string_view path);

// Takes the file's path apart and checks what can be checked without the rest of the tree: the key
// is known and may stand there, the value has its form. `file` must outlive the entry.
TreeEntry tree_entry(const TreeFile& file, int layer);

}  // namespace klubster
