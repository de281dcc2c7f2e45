// Which inputs there are, which of them count here, and whether they agree with the config tree.
#include "engine/core_inputs.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "engine/core_profile.h"
#include "model/schema.h"

namespace klubster {

namespace {

// Answers to Core's questions: what productive-k3s-infra answers unless something else is said.
struct Answer {
  const char* name;
  const char* value;
  bool secret;
  const char* help;
};
constexpr Answer kAnswers[] = {
    {"CORE_TLS_MODE", "2", false, "1 for Let's Encrypt, 2 for self-signed certificates"},
    {"CORE_LETSENCRYPT_EMAIL", nullptr, false, "for CORE_TLS_MODE 1"},
    {"CORE_LETSENCRYPT_ENVIRONMENT", "staging", false, "staging or production"},
    {"CORE_LONGHORN_DATA_PATH", "/data", false, "where Longhorn keeps its data"},
    {"CORE_LONGHORN_REPLICAS", nullptr, false, "default: 1 on one node, else 2"},
    {"CORE_LONGHORN_MINIMAL_AVAILABLE", "10", false, "percentage, asked on one node only"},
    {"CORE_LONGHORN_DEFAULT", "y", false, "y: Longhorn's is the default StorageClass"},
    {"CORE_RANCHER_PASSWORD", nullptr, true,
     "Rancher's first password; default: a random one, kept in the step's directory"},
    {"CORE_REGISTRY_SIZE", "20Gi", false, "of the registry's volume"},
    {"CORE_REGISTRY_STORAGE_CLASS", nullptr, false, "of the registry's volume"},
    {"CORE_REGISTRY_USER", nullptr, false, "makes the registry ask for a password"},
    {"CORE_REGISTRY_PASSWORD", nullptr, true, "of that user"},
    {"CORE_NFS_PATH", nullptr, false, "makes Core export this directory, in mode single-node"},
    {"CORE_NFS_NETWORK", nullptr, false, "who may mount it"},
    {"CORE_TRUST_DOCKER", "n", false, "y: Docker here trusts the registry, in mode single-node"},
};

constexpr const char* kStackSource[] = {
    "PRODUCTIVE_K3S_STACK_TGZ_URL", "PRODUCTIVE_K3S_STACK_TGZ_SHA256",
    "PRODUCTIVE_K3S_STACK_REMOTE_PATH", "PRODUCTIVE_K3S_ADDONS_REPO_DIR",
    "PRODUCTIVE_K3S_STACK_NAME"};
constexpr const char* kBaseVersions[] = {"PRODUCTIVE_K3S_DISTRO", "PRODUCTIVE_K3S_ENGINE",
                                         "PRODUCTIVE_K3S_K3S_VERSION",
                                         "PRODUCTIVE_K3S_HELM_VERSION"};
constexpr const char* kStackVersions[] = {
    "PRODUCTIVE_K3S_CERT_MANAGER_VERSION", "PRODUCTIVE_K3S_LONGHORN_VERSION",
    "PRODUCTIVE_K3S_RANCHER_VERSION", "PRODUCTIVE_K3S_REGISTRY_IMAGE"};
constexpr const char* kPatience = "PRODUCTIVE_K3S_REMOTE_BOOTSTRAP_IDLE_TIMEOUT_SECONDS";
constexpr const char* kVersion = "PRODUCTIVE_K3S_VERSION";

// What a machine needs that makes other machines or reaches them by SSH: not needed on a node. Its
// own address and its agents' are in members/; given here as well, they have to be the same.
bool is_drivers(std::string_view name) {
  if (name.starts_with("TF_VAR_") || name.find("_SSH_") != std::string_view::npos) return true;
  if (name.ends_with("_SERVER_IP") || name.ends_with("_AGENT_IPS")) return true;
  const bool setting = name.ends_with("_BASE_DOMAIN") || name.ends_with("_RANCHER_HOST") ||
                       name.ends_with("_REGISTRY_HOST");
  return name.starts_with("AWS_") && !setting;
}

// One that the profile lists stays as it is.
InputSpec& add(Profile& profile, const std::string& name, std::optional<std::string> value,
               const std::string& help, bool secret = false) {
  for (auto& listed : profile.inputs) {
    if (listed.name == name) return listed;
  }
  InputSpec input;
  input.name = name;
  input.description = help;
  input.sensitive = secret;
  input.default_value = std::move(value);
  return profile.inputs.emplace_back(std::move(input));
}

// From the config tree, else the package.
std::string value_of(const Profile& profile, const NodeConfig& config, const std::string& name) {
  const auto given = config.inputs.find(name);
  if (given != config.inputs.end()) return given->second;
  const InputSpec* input = profile.find_input(name);
  return input == nullptr ? "" : input->default_value.value_or("");
}

void append(std::vector<std::string>& list, const auto& names) {
  for (const char* name : names)
    list.emplace_back(name);
}

// The hosts of the members with this mode; nothing when one of them is not known.
std::optional<std::set<std::string>> hosts_of(const NodeConfig& config, std::string_view mode) {
  std::set<std::string> hosts;
  for (const auto& member : config.members) {
    if (!member.has_mode(mode)) continue;
    const auto endpoint = parse_endpoint(member.address);
    if (!endpoint) return std::nullopt;
    hosts.insert(endpoint->host);
  }
  return hosts;
}

std::string listed(const std::set<std::string>& names) {
  return names.empty() ? "none" : join({names.begin(), names.end()}, " ");
}

Status check_addresses(const NodeConfig& config, const std::string& name, std::string_view mode) {
  const auto given = config.inputs.find(name);
  const auto hosts = hosts_of(config, mode);
  if (given == config.inputs.end() || !hosts || config.members.empty()) return {};
  std::set<std::string> named;
  for (const auto& host : words(given->second)) {
    if (named.insert(host).second) continue;
    return Error(
        ErrorKind::kInvalid, "ConfigInvalid",
        "inputs/" + name + ": expected each address once, found " + printable(host, 80) + " again");
  }
  if (named == *hosts) return {};
  return Error(ErrorKind::kInvalid, "ConfigInvalid",
               "inputs/" + name + ": expected the addresses in members/ with mode " +
                   std::string(mode) + " (" + listed(*hosts) + "), found " +
                   printable(listed(named), 200));
}

}  // namespace

void forgive_drivers_inputs(Profile& profile) {
  for (auto& input : profile.inputs) {
    if (is_drivers(input.name)) input.required = false;
  }
}

void add_core_inputs(Profile& profile, const NodeConfig& config, const std::string& prefix) {
  const auto setting = [&](const char* name) { return prefix + "_" + name; };
  const InputSpec* domain = profile.find_input("TF_VAR_base_domain");
  add(profile, setting("BASE_DOMAIN"),
      domain != nullptr && domain->default_value ? *domain->default_value : "k3s.lab.internal",
      "base domain of the hosts' names");
  add(profile, setting("RANCHER_HOST"), {}, "default: rancher. before the base domain");
  add(profile, setting("REGISTRY_HOST"), {}, "default: registry. before the base domain");
  add(profile, setting("SERVER_IP"), {}, "default: the address in members/");
  add(profile, setting("AGENT_IPS"), {}, "default: the addresses in members/");
  for (const auto& answer : kAnswers) {
    std::optional<std::string> value;
    if (answer.value != nullptr) value = answer.value;
    add(profile, answer.name, value, answer.help, answer.secret);
  }
  std::vector<std::string> settings = {kVersion, kPatience};
  append(settings, kStackSource);
  append(settings, kBaseVersions);
  append(settings, kStackVersions);
  for (const auto& name : settings)
    add(profile, name, {}, "as productive-k3s reads it");
  // Of downloads; a certificate is no secret.
  if (!config.profile.ca.empty()) {
    add(profile, "CORE_CA", config.profile.ca, "authorities for downloads").multiline = true;
  }
  // Also where a manifest lists them.
  for (const char* fact : {kServerUrlFact, kClusterTokenFact}) {
    InputSpec& input = add(profile, fact, {}, "told by the server");
    input.from_peer = true;
    input.source = InputSource::kEither;
    input.sensitive = input.sensitive || fact == std::string_view(kClusterTokenFact);
  }
}

Status check_core_inputs(const Profile& profile, const NodeConfig& config,
                         const std::string& prefix) {
  const auto expect = [&](const char* name, std::string_view wanted) -> Status {
    const std::string found = value_of(profile, config, name);
    if (found.empty() || found == wanted) return {};
    return Error(ErrorKind::kInvalid, "EngineUnsupported",
                 std::string(name) + ": expected " + std::string(wanted) +
                     ", since that is what klubster drives Core with, found " +
                     printable(found, 80));
  };
  if (auto k3s = expect("PRODUCTIVE_K3S_DISTRO", "k3s"); !k3s) return k3s;
  // k3sup joins agents by SSH.
  if (auto native = expect("PRODUCTIVE_K3S_ENGINE", "native"); !native) return native;
  if (auto server = check_addresses(config, prefix + "_SERVER_IP", "server"); !server) {
    return server;
  }
  return check_addresses(config, prefix + "_AGENT_IPS", "agent");
}

std::vector<std::string> core_preflight_inputs() {
  std::vector<std::string> names = {kVersion};
  append(names, kStackSource);
  return names;
}

std::vector<std::string> core_host_inputs(const std::string& prefix) {
  return {prefix + "_BASE_DOMAIN", prefix + "_RANCHER_HOST", prefix + "_REGISTRY_HOST",
          prefix + "_SERVER_IP"};
}

std::vector<std::string> core_validation_inputs(const std::string& prefix) {
  auto names = core_host_inputs(prefix);
  names.insert(names.end(), {kPatience, "CORE_LONGHORN_DEFAULT"});
  return names;
}

std::vector<std::string> core_install_inputs(const std::string& mode, const std::string& prefix) {
  std::vector<std::string> names = {kPatience};
  append(names, kBaseVersions);
  if (mode == "agent") return names;
  if (mode == "server") {
    names.push_back(prefix + "_SERVER_IP");
    return names;
  }
  const auto hosts = core_host_inputs(prefix);
  names.insert(names.end(), hosts.begin(), hosts.end());
  append(names, kStackSource);
  append(names, kStackVersions);
  names.emplace_back("CORE_CA");
  for (const auto& answer : kAnswers)
    names.emplace_back(answer.name);
  return names;
}

}  // namespace klubster
