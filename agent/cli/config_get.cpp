// klubster config get
#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/exit_code.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct ConfigGetOptions {
  TreeOptions tree;
  std::string key;
  bool json = false;
};

int print(const ConfigGetOptions& options, const std::string& value, const Origin& origin) {
  if (options.json) {
    Json json;
    json["key"] = options.key;
    json["value"] = value;
    json["layer"] = origin.layer;
    json["file"] = origin.file;
    std::cout << json.pretty() << "\n";
  } else {
    std::cout << value << "\n";
  }
  return kExitDone;
}

int run(const ConfigGetOptions& options) {
  const KeySpec* spec = find_key(options.key);
  if (spec == nullptr) return report(unknown_key(options.key));
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto tree = read_config_tree(*sources);
  const auto found = tree.settings.find(options.key);
  // What a mistake keeps from counting has neither its value nor the default.
  const auto wrong = std::ranges::find(tree.errors, options.key, &TreeProblem::key);
  if (found == tree.settings.end() && wrong != tree.errors.end()) {
    Error error(ErrorKind::kInvalid, wrong->reason, wrong->text());
    if (wrong->reason == "AccessDenied") return report(error);
    return report(std::move(error).hint("klubster explain " + options.key + " shows what fits"));
  }
  tell_mistakes(tree, options.tree);
  if (found != tree.settings.end()) {
    return print(options, shown_value(options.key, found->second), found->second.origin);
  }
  const std::string value = options.key == "node/name" ? tree.node : default_value(*spec);
  if (value.empty()) {
    std::cerr << "klubster: " << options.key << " is not set\n";
    return kExitFailed;
  }
  return print(options, value, {});
}

}  // namespace

Action declare_config_get(Arguments& arguments) {
  const auto options = std::make_shared<ConfigGetOptions>();
  arguments.word("KEY", &options->key, "The key, such as node/modes", true);
  add_tree_options(arguments, &options->tree);
  arguments.flag("--json", &options->json, "Print JSON, with layer and file");
  return [options] { return run(*options); };
}

}  // namespace klubster
