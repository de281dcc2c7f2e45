// The options that all `klubster config` verbs share.
#include "cli/tree_options.h"

#include <algorithm>
#include <iostream>

#include "base/text.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kValueCellBytes = 100;

}  // namespace

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

std::string shown_value(const std::string& key, const Setting& setting) {
  const KeySpec* spec = find_key(key);
  return spec == nullptr || spec->secret ? "(secret)" : setting.value;
}

std::string value_cell(const std::string& key, const Setting& setting) {
  const auto lines = split(shown_value(key, setting), '\n');
  const std::string first = printable(lines[0], kValueCellBytes);
  return lines.size() == 1 ? first : first + " … (" + std::to_string(lines.size()) + " lines)";
}

std::string origin_text(const Origin& origin) {
  return "layer " + std::string(layer_name(origin.layer)) +
         (origin.file.empty() ? "" : ", " + origin.file);
}

void tell_mistakes(const MergedTree& tree, const TreeOptions& options) {
  if (tree.errors.empty()) return;
  if (std::ranges::count(tree.errors, "AccessDenied", &TreeProblem::reason) != 0) {
    std::cerr
        << "klubster: not all of the tree may be read; to see it: the same command with sudo\n";
    return;
  }
  std::string check = "klubster config check";
  for (const auto& root : options.roots)
    check += " --root " + printable(root);
  if (!options.node.empty()) check += " --node " + options.node;
  std::cerr << "klubster: the tree has mistakes; to see them: " << check << "\n";
}

std::vector<std::string> keys_below(std::string_view directory) {
  std::vector<std::string> keys;
  for (const auto& spec : schema()) {
    if (spec.pattern.starts_with(std::string(directory) + "/")) keys.emplace_back(spec.pattern);
  }
  return keys;
}

Error unknown_key(const std::string& key) {
  std::string message = "there is no key `" + printable(key, 120) + "`";
  if (const auto below = keys_below(key); !below.empty()) {
    message += ", but " + join(below, ", ");
  } else if (const auto meant = nearest_key(key); !meant.empty()) {
    message += " (did you mean " + meant + "?)";
  }
  return Error(ErrorKind::kInvalid, "UnknownName", message).hint("klubster config keys lists them");
}

}  // namespace klubster
