// klubster config dump
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct Options {
  TreeOptions tree;
  std::string format = "json";
  std::string to;
  bool origin = false;
  bool secrets = false;
};

// One file per key; secrets 0600. The directory must be new: a dump never mixes with what was
// there.
Status write_tree(const NodeConfig& config, const std::string& to, bool with_secrets) {
  if (::mkdir(to.c_str(), with_secrets ? 0700 : 0755) != 0) {
    return system_error("making " + to, errno);
  }
  auto settings = config.settings;
  // The name must not depend on the machine that the dump is read on.
  settings["node/name"].value = config.node;
  for (const auto& [key, setting] : settings) {
    const bool secret = find_key(key)->secret;
    if (secret && !with_secrets) continue;
    const std::filesystem::path path = std::filesystem::path(to) / key;
    std::error_code failed;
    std::filesystem::create_directories(path.parent_path(), failed);
    if (failed) return system_error("making " + path.parent_path().string(), failed.value());
    auto written = write_file(path, setting.value + "\n", secret ? 0600 : 0644);
    if (!written) return written;
  }
  return {};
}

Json as_json(const NodeConfig& config, bool origin) {
  Json json = to_json(config, SecretForm::kHidden);
  if (origin) return json;
  Json values = Json::object();
  for (const auto& [key, setting] : config.settings)
    values[key] = shown_value(key, setting);
  json["values"] = std::move(values);
  return json;
}

int dump_tree(const NodeConfig& config, const Options& options) {
  if (options.to.empty()) {
    return report(
        Error(ErrorKind::kInvalid, "Usage", "--format tree needs a new directory: --to DIR"));
  }
  if (const auto written = write_tree(config, options.to, options.secrets); !written) {
    return report(written.error());
  }
  if (!options.secrets) {
    for (const auto& [key, setting] : config.settings) {
      if (find_key(key)->secret)
        std::cerr << "left out: " << key << " (--secrets takes it along)\n";
    }
  }
  return kExitDone;
}

int run(const Options& options) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto config = resolve_config(*sources);
  if (!config) return report(config.error());
  if (options.format == "tree") return dump_tree(*config, options);
  std::cout << as_json(*config, options.origin).pretty() << "\n";
  return kExitDone;
}

}  // namespace

Action declare_config_dump(Arguments& arguments) {
  const auto options = std::make_shared<Options>();
  add_tree_options(arguments, &options->tree);
  arguments.choice("--format", &options->format, {"json", "tree"},
                   "JSON on standard output (default), or a tree of files in --to");
  arguments.option("--to", &options->to, "DIR",
                   "Where the tree goes: a directory that is not there");
  arguments.flag("--origin", &options->origin, "JSON: also the layer and file of each value");
  arguments.flag("--secrets", &options->secrets, "Tree: take secrets along, in files of mode 0600");
  return [options] { return run(*options); };
}

}  // namespace klubster
