// Which config tree a verb is about: this machine's, or one in a directory.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"
#include "linux/config_tree.h"

namespace klubster {

struct TreeOptions {
  std::vector<std::string> roots;
  std::string node;
};

// --root DIR (again and again, lowest layer first) and --node NAME.
void add_tree_options(Arguments& arguments, TreeOptions* options);
// kInvalid, reason Usage, when the node's name is none or a root is not there.
Result<ConfigSources> sources_of(const TreeOptions& options);

// Says on standard error that there are mistakes in it, if there are.
void tell_of_mistakes(const MergedTree& tree);

// The value as people may see it: "(secret)" for secrets.
std::string shown_value(const std::string& key, const Setting& setting);
// "layer system, /etc/klubster/node/modes"
std::string origin_text(const Origin& origin);
// kInvalid, reason UnknownName, with the key that was probably meant.
Error unknown_key(const std::string& key);

}  // namespace klubster
