// This machine's sources, and the layers that are no directory trees.
#include "linux/config_sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/names.h"
#include "base/text.h"
#include "linux/files.h"
#include "linux/tree_file.h"
#include "model/dotted_layer.h"
#include "model/key_names.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kCommandLineBytes = 65'536;
constexpr std::size_t kHardwareFileBytes = 65'536;
constexpr std::string_view kSystemCredentials = "/run/credentials/@system";

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread of ours sets the environment
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<ConfigRoot> config_roots(const std::vector<std::string>& paths) {
  std::vector<ConfigRoot> roots;
  roots.reserve(paths.size());
  // One alone stands for what an administrator writes.
  int layer = paths.size() == 1 ? kLayerSystem : kLayerImage;
  for (const auto& path : paths)
    roots.push_back({std::min(layer++, kLayerRuntime), path});
  return roots;
}

std::vector<ConfigRoot> system_roots() {
  std::vector<std::string> paths;
  for (const auto& path : split(variable("KLUBSTER_CONFIG_PATH"), ':')) {
    if (!path.empty()) paths.push_back(path);
  }
  if (!paths.empty()) return config_roots(paths);
  paths.assign(std::begin(names::kConfigRoots), std::end(names::kConfigRoots));
  return config_roots(paths);
}

// The daemon's own, which it alone is given; the command line looks at the same ones, or at what
// the daemon would be given.
std::string credentials_directory() {
  const std::string of_agent = "/run/credentials/" + std::string(names::kAgentUnit);
  for (const auto& path : {of_agent, variable("CREDENTIALS_DIRECTORY")}) {
    if (!path.empty() && exists(path)) return path;
  }
  return std::string(kSystemCredentials);
}

std::map<std::string, std::string> location_variables() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (!name.starts_with("KLUBSTER_") || !name.ends_with("_FILE")) continue;
    found[std::string(name)] = text.substr(std::min(name.size() + 1, text.size()));
  }
  return found;
}

// Where klubster-hardware did not run, or its file is damaged, the machine fits no node; who may
// not read the file does not look at match/.
std::optional<Hardware> machine_hardware() {
  const auto text = read_file(std::string(names::kHardwareFile), kHardwareFileBytes);
  if (!text && ::geteuid() != 0) return std::nullopt;
  const auto json = text ? parse_json(*text) : Result<Json>(text.error());
  if (!json) return Hardware{};
  return hardware_from_json(*json).value_or(Hardware{});
}

}  // namespace

ConfigSources system_config_sources() {
  ConfigSources sources;
  sources.roots = system_roots();
  std::array<char, HOST_NAME_MAX + 1> hostname{};
  if (::gethostname(hostname.data(), hostname.size() - 1) == 0) sources.hostname = hostname.data();
  sources.credentials = credentials_directory();
  sources.kernel_words = kernel_command_line();
  sources.locations = location_variables();
  sources.hardware = machine_hardware();
  return sources;
}

ConfigSources fleet_config_sources(const std::vector<std::string>& paths) {
  ConfigSources sources;
  sources.roots = config_roots(paths);
  sources.hostname = system_config_sources().hostname;
  sources.elsewhere = true;
  return sources;
}

std::vector<std::string> kernel_command_line() {
  const auto words_in = [](const std::string& path) {
    return kernel_words(read_file(path, kCommandLineBytes).value_or(""));
  };
  if (const auto path = variable("KLUBSTER_PROC_CMDLINE"); !path.empty()) return words_in(path);
  if (!exists("/run/systemd/container")) return words_in("/proc/cmdline");
  // The sandbox of klubster.service hides PID 1.
  const auto given =
      read_file(variable("CREDENTIALS_DIRECTORY") + "/init-command-line", kCommandLineBytes);
  auto arguments =
      split(given ? *given : read_file("/proc/1/cmdline", kCommandLineBytes).value_or(""), '\0');
  std::erase(arguments, "");
  return arguments;
}

TreeLayer credential_layer(const std::string& directory) {
  TreeLayer layer{kLayerCredential, directory, {}, {}};
  if (directory.empty()) return layer;
  for (const auto& name : list_directory(directory).value_or(std::vector<std::string>())) {
    if (!name.starts_with(kDottedPrefix)) continue;
    const std::string file = directory + "/" + name;
    add_dotted(layer, name, read_tree_file(AT_FDCWD, file).value, file);
  }
  return layer;
}

TreeLayer location_layer(const std::map<std::string, std::string>& locations) {
  TreeLayer layer{kLayerLocation, "", {}, {}};
  std::map<std::string, std::string> keys;
  std::vector<std::string> known;
  for (const auto& spec : schema()) {
    if (is_open_ended(spec)) continue;
    known.push_back(location_variable(spec));
    keys[known.back()] = spec.pattern;
  }
  for (const auto& [name, path] : locations) {
    const auto refuse = [&layer, &name = name](const std::string& key, std::string message) {
      layer.problems.push_back({"$" + printable(name, 120), key, std::move(message)});
    };
    const auto key = keys.find(name);
    if (key == keys.end()) {
      const auto meant = nearest(name, known);
      refuse("", "expected the variable of a fixed key" +
                     (meant ? " (did you mean " + *meant + "?)" : std::string()) +
                     ", found one of no key");
      continue;
    }
    const std::string shown = printable(path, 200);
    if (!path.starts_with("/")) {
      refuse(key->second, "expected the absolute path of a file, found `" + shown + "`");
      continue;
    }
    auto read = read_tree_file(AT_FDCWD, path);
    if (const auto exposed = exposed_secret(key->second, read.info.st_mode)) {
      refuse(key->second, shown + ": " + *exposed);
    }
    if (read.value) {
      layer.files.push_back({key->second, std::move(*read.value), path});
    } else {
      refuse(key->second,
             shown + ": " +
                 (exists(path) ? read.value.error().message() : "expected a file, found nothing"));
    }
  }
  return layer;
}

std::optional<std::string> exposed_secret(std::string_view key, unsigned mode) {
  const KeySpec* spec = find_key(key);
  if (spec == nullptr || !spec->secret || (mode & S_IRWXO) == 0) return std::nullopt;
  return "expected a secret that only its owner can read, found mode " + mode_text(mode) +
         " (mend with: chmod 600)";
}

}  // namespace klubster
