// klubster config check
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/agent_rights.h"
#include "cli/exit_code.h"
#include "cli/package_reader.h"
#include "cli/profile_fit.h"
#include "cli/text_table.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct ConfigCheckOptions {
  TreeOptions tree;
  std::string profile;
  bool all_nodes = false;
  bool json = false;
};

struct Finding {
  std::string node;
  std::string hash;
  std::string reason;
  std::vector<std::string> errors, warnings;
};

void add(std::vector<std::string>& lines, std::string line) {
  if (std::ranges::count(lines, line) == 0) lines.push_back(std::move(line));
}

// `profile` is nullptr when the tree is to be checked by itself.
Finding check_node(const MergedTree& tree, const Profile* profile) {
  const auto config = make_node_config(tree);
  Finding finding;
  finding.node = tree.node;
  for (const auto& warning : tree.warnings)
    add(finding.warnings, warning.text());
  if (config) {
    finding.hash = config->config_hash;
    for (const auto& warning : config->warnings)
      add(finding.warnings, warning);
  } else {
    finding.errors = split(config.error().message(), '\n');
    finding.reason = config.error().reason();
  }
  if (profile == nullptr) return finding;
  const ProfileFit fit = fit_profile(tree, *profile);
  for (const auto& warning : fit.warnings)
    add(finding.warnings, warning.text());
  for (const auto& error : fit.errors) {
    add(finding.errors, error.text());
    if (finding.reason.empty()) finding.reason = error.reason;
  }
  return finding;
}

// The trees of the nodes that are meant: the one that was named, all, or this machine; a tree in a
// directory that does not know this machine is a fleet's, and then all of them are.
std::vector<MergedTree> chosen_trees(const ConfigCheckOptions& options, ConfigSources sources) {
  const auto layers = read_config_layers(sources);
  std::vector<MergedTree> trees = {merge_config(layers, sources)};
  const std::vector<std::string> nodes = trees[0].nodes;
  const bool here = std::ranges::count(nodes, trees[0].node) != 0;
  const bool fleet =
      options.all_nodes || (options.tree.node.empty() && !options.tree.roots.empty() &&
                            trees[0].node_from == NodeNameFrom::kHostname && !here);
  if (!fleet || nodes.empty()) return trees;
  trees.clear();
  for (const auto& node : nodes) {
    sources.node = node;
    trees.push_back(merge_config(layers, sources));
  }
  return trees;
}

Json as_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const auto& finding : findings) {
    Json entry;
    entry["node"] = finding.node;
    entry["ok"] = finding.errors.empty();
    entry["hash"] = finding.hash;
    entry["reason"] = finding.reason;
    entry["errors"] = finding.errors;
    entry["warnings"] = finding.warnings;
    list.push_back(std::move(entry));
  }
  return list;
}

// A mistake in what several nodes share is one line, which names them.
struct Line {
  std::string text;
  std::vector<std::string> nodes;
};

std::vector<Line> lines_of(const std::vector<Finding>& findings,
                           std::vector<std::string> Finding::*of) {
  std::vector<Line> lines;
  for (const auto& finding : findings) {
    for (const auto& text : finding.*of) {
      auto line = std::ranges::find(lines, text, &Line::text);
      if (line == lines.end()) line = lines.insert(lines.end(), {text, {}});
      line->nodes.push_back(finding.node);
    }
  }
  return lines;
}

std::string whose(const Line& line, std::size_t nodes) {
  if (nodes == 1) return "";
  if (line.nodes.size() == nodes) return "all nodes: ";
  return (line.nodes.size() == 1 ? "node " : "nodes ") + join(line.nodes, ", ") + ": ";
}

void print(const std::vector<Finding>& findings) {
  for (const auto& line : lines_of(findings, &Finding::warnings))
    std::cerr << "warning: " << whose(line, findings.size()) << line.text << "\n";
  for (const auto& line : lines_of(findings, &Finding::errors))
    std::cerr << whose(line, findings.size()) << line.text << "\n";
  for (const auto& finding : findings) {
    if (!finding.errors.empty()) continue;
    std::cout << "node " << finding.node << ": fine, hash " << short_digest(finding.hash) << "\n";
  }
}

int run(const ConfigCheckOptions& options) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  std::optional<Profile> profile;
  if (!options.profile.empty()) {
    auto read = read_package(options.profile);
    if (!read) return report(read.error());
    profile = std::move(*read);
  }
  std::optional<AgentRights> rights;  // a fleet's tree may be somebody else's
  if (options.tree.roots.empty()) rights.emplace();
  std::vector<Finding> findings;
  for (const auto& tree : chosen_trees(options, *sources))
    findings.push_back(check_node(tree, profile ? &*profile : nullptr));
  if (options.json) {
    std::cout << as_json(findings).pretty() << "\n";
  } else {
    print(findings);
  }
  const bool fine =
      std::ranges::all_of(findings, [](const Finding& finding) { return finding.errors.empty(); });
  if (fine) return kExitDone;
  const bool hidden = std::ranges::count(findings, "AccessDenied", &Finding::reason) != 0;
  if (!options.json) {
    std::cerr << (hidden ? "next: the same command with sudo\n"
                         : "next: mend these files; klubster explain KEY shows what fits\n");
  }
  return kExitFixInput;
}

}  // namespace

Action declare_config_check(Arguments& arguments) {
  const auto options = std::make_shared<ConfigCheckOptions>();
  add_tree_options(arguments, &options->tree);
  arguments.flag("--all-nodes", &options->all_nodes,
                 "Every node that members/ or overlays/node= mention");
  arguments.option("--profile", &options->profile, "FILE|DIR",
                   "Also hold modes and inputs against this profile's manifest");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
