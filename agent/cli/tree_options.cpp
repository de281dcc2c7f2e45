// The options that all `klubster config` verbs share.
#include "cli/tree_options.h"

#include <iostream>

#include "base/text.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

void add_tree_options(Arguments& arguments, TreeOptions* options) {
  arguments.options(
      "--root", &options->roots, "DIR",
      "Read the tree from DIR instead of this machine's; several: lowest layer first");
  arguments.option("--node", &options->node, "NAME", "Resolve it for this node");
}

Result<ConfigSources> sources_of(const TreeOptions& options) {
  if (!options.node.empty() && !is_host_label(options.node)) {
    return Error(
        ErrorKind::kInvalid, "Usage",
        "--node: expected a host name of one label, found `" + printable(options.node, 80) + "`");
  }
  for (const auto& root : options.roots) {
    if (!exists(root)) {
      return Error(ErrorKind::kInvalid, "Usage",
                   "--root: there is no directory " + printable(root));
    }
  }
  auto sources =
      options.roots.empty() ? system_config_sources() : fleet_config_sources(options.roots);
  sources.node = options.node;
  return sources;
}

void tell_of_mistakes(const MergedTree& tree) {
  if (tree.errors.empty()) return;
  std::cerr << "klubster: the tree has mistakes; to see them: klubster config check\n";
}

std::string shown_value(const std::string& key, const Setting& setting) {
  const KeySpec* spec = find_key(key);
  return spec == nullptr || spec->secret ? "(secret)" : setting.value;
}

std::string origin_text(const Origin& origin) {
  return "layer " + std::string(layer_name(origin.layer)) +
         (origin.file.empty() ? "" : ", " + origin.file);
}

Error unknown_key(const std::string& key) {
  std::string message = "there is no key `" + printable(key, 120) + "`";
  if (const auto meant = nearest_key(key); !meant.empty()) {
    message += " (did you mean " + meant + "?)";
  }
  return Error(ErrorKind::kInvalid, "UnknownName", message).hint("klubster config keys lists them");
}

}  // namespace klubster
