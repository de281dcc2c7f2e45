// klubster config dump
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/exit_code.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct ConfigDumpOptions {
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

Json as_json(const NodeConfig& config, const ConfigDumpOptions& options) {
  Json json = to_json(config, SecretForm::kHidden);
  Json values = Json::object();
  for (const auto& [key, setting] : config.settings) {
    const std::string value = options.secrets ? setting.value : shown_value(key, setting);
    if (!options.origin) {
      values[key] = value;
      continue;
    }
    Json entry;
    entry[find_key(key)->secret ? "secret" : "value"] = value;
    entry["layer"] = setting.origin.layer;
    entry["file"] = setting.origin.file;
    values[key] = std::move(entry);
  }
  json["values"] = std::move(values);
  return json;
}

// A terminal or a pipe would show secrets to whoever looks: they go into a file of their own.
int dump_json(const NodeConfig& config, const ConfigDumpOptions& options) {
  if (options.to.empty() && options.secrets) {
    return report(
        Error(ErrorKind::kInvalid, "Usage", "--secrets needs a new file for the JSON: --to FILE"));
  }
  const std::string text = as_json(config, options).pretty() + "\n";
  if (options.to.empty()) {
    std::cout << text;
    return kExitDone;
  }
  const auto fd = open_file(options.to, O_WRONLY | O_CREAT | O_EXCL, options.secrets ? 0600 : 0644);
  if (!fd) return report(fd.error());
  const auto written = write_all(fd->get(), text);
  return written ? kExitDone : report(written.error());
}

int dump_tree(const NodeConfig& config, const ConfigDumpOptions& options) {
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

int run(const ConfigDumpOptions& options) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto config = resolve_config(*sources);
  if (!config) return report(config.error());
  return options.format == "tree" ? dump_tree(*config, options) : dump_json(*config, options);
}

}  // namespace

Action declare_config_dump(Arguments& arguments) {
  const auto options = std::make_shared<ConfigDumpOptions>();
  add_tree_options(arguments, &options->tree);
  arguments.choice("--format", &options->format, {"json", "tree"},
                   "JSON on standard output (default), or a tree of files in --to");
  arguments.option("--to", &options->to, "DIR|FILE",
                   "Where it goes: a directory (tree) or file (JSON) that is not there");
  arguments.flag("--origin", &options->origin, "JSON: also the layer and file of each value");
  arguments.flag("--secrets", &options->secrets,
                 "With --to: take secrets along, in files of mode 0600");
  return [options] { return run(*options); };
}

}  // namespace klubster
