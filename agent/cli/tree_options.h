// Which config tree a verb is about: this machine's, or one in a directory.
#pragma once

#include <string>
#include <string_view>
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

// The value as people may see it: "(secret)" for secrets.
std::string shown_value(const std::string& key, const Setting& setting);
// The same in a table: its first line, cut.
std::string value_cell(const std::string& key, const Setting& setting);
// "layer system, /etc/klubster/node/modes"
std::string origin_text(const Origin& origin);
// Says on standard error that the tree has mistakes, when it has, and how to see them.
void tell_mistakes(const MergedTree& tree, const TreeOptions& options);
// The keys, with their placeholders, that stand below "profile"; none when it is no directory.
std::vector<std::string> keys_below(std::string_view directory);
// kInvalid, reason UnknownName, with the keys below it or the one that was probably meant.
Error unknown_key(const std::string& key);

}  // namespace klubster
