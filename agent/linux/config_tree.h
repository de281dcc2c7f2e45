// Reads the config tree from its roots on disk.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "linux/config_sources.h"
#include "model/merge.h"
#include "model/node_config.h"

namespace klubster {

// One root as it is: its files, and what could not be read. One reading: a tree that is being
// changed may come out half old, half new.
TreeLayer read_config_root(const ConfigRoot& root);

// Reads all layers, twice at least, until two readings in a row agree: a tree that is changed while
// it is read is never used half old, half new. Never blocks on a FIFO or device and never opens
// one. Files that break the rules of form (config-tree.md "Form") are in the errors of the answer,
// which is whole apart from them.
//
// `edit` sees the layers before they are merged: what the tree would be after a change.
MergedTree read_config_tree(const ConfigSources& sources,
                            const std::function<void(std::vector<TreeLayer>&)>& edit = {});

// What this node was told to be. All mistakes of form and content at once: kInvalid, reason
// ConfigInvalid, one line each: "FILE: key KEY: expected …, found … (did you mean …?)".
Result<NodeConfig> resolve_config(const ConfigSources& sources);

// The last good config from its stored form (to_json with kDigest), with today's secrets taken from
// the tree as far as they can be read. BadJson when the stored form is damaged.
Result<NodeConfig> restore_config(const Json& stored, const ConfigSources& sources);

}  // namespace klubster
