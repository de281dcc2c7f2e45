// Changing a root of the config tree: which one, what would come of it, doing it.
#pragma once

#include <string>
#include <vector>

#include "cli/tree_options.h"
#include "linux/config_write.h"

namespace klubster {

struct EditTarget {
  ConfigSources sources;
  ConfigRoot root;     // the one that is written
  std::string prefix;  // "overlays/node=n1/" with --node, else empty
  bool fleet = false;  // --root: not this machine's
};

// --root DIR and --node NAME of a verb that writes.
void add_edit_options(Arguments& arguments, TreeOptions* options);
// Layer 4 of this machine, or the one --root, which need not be there yet. Usage: several roots, a
// bad node name, a moved tree without layer 4. AccessDenied: not root, and only root may write it.
Result<EditTarget> edit_target(const TreeOptions& options);

// The key without the overlay that it stands in.
std::string key_in_overlay(const std::string& path);

// Makes the changes, all or none, when the tree allows them: every key is one, every value has its
// form, no lock of a lower layer is in the way. Otherwise ConfigInvalid names all mistakes and
// nothing is written. Mistakes that the tree has elsewhere, values of higher layers that stay, and
// keys that do not change in place are only told, on standard error. Returns the exit code.
int carry_out(const EditTarget& target, const std::vector<TreeChange>& changes);

}  // namespace klubster
