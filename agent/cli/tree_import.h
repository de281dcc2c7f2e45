// Several keys at once, from a directory or from the JSON of `klubster config dump`.
#pragma once

#include <string>
#include <vector>

#include "linux/config_write.h"

namespace klubster {

// Each file of a tree, overlays, .unset and .lock included. All mistakes of form at once:
// ConfigInvalid.
Result<std::vector<TreeChange>> changes_from_directory(const std::string& directory);
// Each value of the document, and the node's name as node/name unless `for_overlay`. "(secret)" in
// place of a secret is a mistake. BadJson for what dump does not write.
Result<std::vector<TreeChange>> changes_from_json(const std::string& file, bool for_overlay);

}  // namespace klubster
