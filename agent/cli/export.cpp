// klubster export
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <set>

#include "base/names.h"
#include "base/version.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/tar_writer.h"
#include "cli/tree_options.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr const char* kTop = "klubster-export/";
constexpr JsonLimits kConfigJson{.bytes = names::kGenerationJsonBytes, .depth = 24};

struct ExportOptions {
  TreeOptions tree;
  std::string output;
  bool secrets = false;
};

// The keys that generations of this machine keep as digests, since their profile calls them
// sensitive.
std::set<std::string> kept_secret() {
  std::set<std::string> keys;
  const std::string directory = std::string(names::kStateDir) + "/generations";
  for (const auto& number : list_directory(directory).value_or(std::vector<std::string>())) {
    const std::string path = directory + "/" + number + "/" + names::kGenerationConfig;
    const auto bytes = read_file(path, kConfigJson.bytes);
    if (!bytes) continue;
    if (const auto config = parse_json(*bytes, kConfigJson)) keys.merge(keys_kept_secret(*config));
  }
  return keys;
}

// One file per key, as `klubster config dump --format tree` writes them.
void add_config(const NodeConfig& config, const std::set<std::string>& sensitive, bool with_secrets,
                std::vector<TarMember>& members) {
  auto settings = config.settings;
  // The name must not depend on the machine that the export is read on.
  settings["node/name"].value = config.node;
  Json about = Json::Object{{"v", 1},
                            {"node", config.node},
                            {"version", kVersion},
                            {"configHash", config.config_hash},
                            {"secrets", with_secrets}};
  about["leftOut"] = Json::array();
  for (const auto& [key, setting] : settings) {
    const bool secret = find_key(key)->secret || sensitive.contains(key);
    if (secret && !with_secrets) {
      about["leftOut"].push_back(key);
      std::cerr << "left out: " << key << " (--with-secrets takes it along)\n";
      continue;
    }
    members.push_back(
        {std::string(kTop) + "config/" + key, setting.value + "\n", "", secret ? 0600U : 0644U});
  }
  members.push_back({std::string(kTop) + "about.json", about.pretty() + "\n"});
}

// Regular files below `directory`, as they are. One that is not there has none.
Status add_directory(const std::string& directory, const std::string& name,
                     std::vector<TarMember>& members) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!fs::exists(directory, failed)) return {};
  for (auto entry = fs::recursive_directory_iterator(directory, failed);
       !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    const std::string path = entry->path().string();
    if (!entry->is_regular_file(failed) || entry->is_symlink(failed)) continue;
    const std::string below = path.substr(directory.size() + 1);
    if (below == "lock") continue;
    members.push_back({std::string(kTop) + name + "/" + below, "", path});
  }
  if (failed) return system_error("reading " + directory, failed.value());
  return {};
}

// What the daemons say now; one that does not run says nothing.
void add_answers(std::vector<TarMember>& members) {
  auto client = AgentClient::create();
  if (!client) return;
  if (const auto status = client->ask_agent("GetStatus")) {
    members.push_back({std::string(kTop) + "status.json", status->pretty() + "\n"});
  }
  if (const auto peers = client->ask_peers("GetPeers")) {
    members.push_back({std::string(kTop) + "peers.json", peers->pretty() + "\n"});
  }
}

Status add_state(std::vector<TarMember>& members) {
  const std::string state(names::kStateDir);
  for (const char* name : {"log", "generations"}) {
    if (auto added = add_directory(state + "/" + name, name, members); !added) {
      return std::move(added).in("exporting what this machine remembers");
    }
  }
  add_answers(members);
  return {};
}

bool goes_to_file(const ExportOptions& options) {
  return !options.output.empty() && options.output != "-";
}

Result<UniqueFd> open_output(const ExportOptions& options) {
  if (goes_to_file(options)) {
    // Also without secrets: with the salted digests that log and generations hold, a short secret
    // can be guessed.
    return open_file(options.output, O_WRONLY | O_CREAT | O_EXCL, 0600);
  }
  if (options.secrets || ::isatty(STDOUT_FILENO) == 1) {
    return Error(ErrorKind::kInvalid, "Usage",
                 options.secrets ? "--with-secrets needs a new file: -o FILE"
                                 : "expected -o FILE, or a pipe instead of a terminal")
        .hint(options.secrets ? "klubster export --with-secrets -o export.tar"
                              : "klubster export -o export.tar");
  }
  return UniqueFd(::dup(STDOUT_FILENO));
}

Status write_export(const ExportOptions& options, const NodeConfig& config, int output) {
  std::vector<TarMember> members;
  const bool own = options.tree.roots.empty();
  add_config(config, own ? kept_secret() : std::set<std::string>(), options.secrets, members);
  if (own) {
    if (auto added = add_state(members); !added) return added;
  }
  return write_tar(output, std::move(members));
}

int run(const ExportOptions& options) {
  const auto sources = sources_of(options.tree);
  if (!sources) return report(sources.error());
  const auto config = resolve_config(*sources);
  if (!config) return report(config.error());
  const auto output = open_output(options);
  if (!output) return report(output.error());
  const auto written = write_export(options, *config, output->get());
  if (written) return kExitDone;
  // What was cut short is no export, and stands in the way of the next one.
  if (goes_to_file(options)) (void)::unlink(options.output.c_str());
  return report(written.error());
}

}  // namespace

Action declare_export(Arguments& arguments) {
  const auto options = std::make_shared<ExportOptions>();
  arguments.option("-o,--output", &options->output, "FILE",
                   "A file that is not there yet, made with mode 0600 (default: standard output)");
  arguments.flag("--with-secrets", &options->secrets, "With -o: take secrets along");
  add_tree_options(arguments, &options->tree);
  return [options] { return run(*options); };
}

}  // namespace klubster
