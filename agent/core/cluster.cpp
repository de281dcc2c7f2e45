// systemctl and kubectl, read with care.
#include "core/cluster.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/text.h"
#include "linux/files.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::size_t kKubectlBytes = 4 * 1024 * 1024;
constexpr std::size_t kTokenBytes = 64 * 1024;
constexpr const char* kTokenFile = "/var/lib/rancher/k3s/server/node-token";
constexpr const char* kKubeletConfig = "/var/lib/rancher/k3s/agent/kubelet.kubeconfig";
constexpr const char* kNodeLine =
    R"(jsonpath={range .items[*]}{.metadata.name}{" "}{.status.addresses[?(@.type=="InternalIP")])"
    R"(.address}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end})";
constexpr const char* kReady = R"(jsonpath={.status.conditions[?(@.type=="Ready")].status})";

// K3s' name of a node, unless its configuration says otherwise.
std::string own_node() {
  utsname names{};
  ::uname(&names);
  std::string name = names.nodename;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool is_member(const ClusterNode& node, const ClusterMember& member) {
  return node.name == member.name ||
         std::any_of(node.addresses.begin(), node.addresses.end(), [&](const std::string& address) {
           return std::find(member.addresses.begin(), member.addresses.end(), address) !=
                  member.addresses.end();
         });
}

}  // namespace

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  const auto places = split(path == nullptr ? "" : path, ':');
  return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
    return ::access((place + "/" + name).c_str(), X_OK) == 0;
  });
}

bool is_active(const std::string& unit) {
  const auto ran = run_program({"systemctl", "is-active", "--quiet", unit}, kKubectlBytes);
  return ran && ran->code == 0;
}

bool is_installed_unit(const std::string& unit) {
  const auto ran =
      run_program({"systemctl", "show", "--property=LoadState", "--value", unit}, kKubectlBytes);
  return ran && trim(ran->text) == "loaded";
}

Result<std::string> kubectl(const std::vector<std::string>& words, bool as_kubelet) {
  std::vector<std::string> argv = {"k3s", "kubectl", "--request-timeout=10s"};
  if (as_kubelet) argv.insert(argv.end(), {"--kubeconfig", kKubeletConfig});
  argv.insert(argv.end(), words.begin(), words.end());
  auto ran = run_program(argv, kKubectlBytes);
  if (!ran) return ran.error();
  if (ran->code == 0) return std::move(ran->text);
  return Error(ErrorKind::kUnavailable, "NotReady",
               "kubectl " + words[0] + " ended with exit code " + std::to_string(ran->code));
}

bool has_object(const std::string& space, const std::string& kind, const std::string& name) {
  return kubectl({"get", kind, name, "-n", space, "-o", "name"}).has_value();
}

std::vector<ClusterNode> nodes_in(const std::string& text) {
  std::vector<ClusterNode> nodes;
  for (const auto& line : split(text, '\n')) {
    const auto parts = words(line);
    if (parts.size() < 2) continue;
    nodes.push_back({parts.front(), {parts.begin() + 1, parts.end() - 1}, parts.back() == "True"});
  }
  return nodes;
}

Result<std::vector<ClusterNode>> list_nodes() {
  auto text = kubectl({"get", "nodes", "-o", kNodeLine});
  if (!text) return text.error();
  return nodes_in(*text);
}

std::string difference(const std::vector<ClusterNode>& nodes,
                       const std::vector<ClusterMember>& members) {
  std::vector<std::string> absent, waiting, foreign;
  for (const auto& member : members) {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const ClusterNode& node) {
      return is_member(node, member);
    });
    if (found == nodes.end()) absent.push_back(member.name);
    if (found != nodes.end() && !found->ready) waiting.push_back(member.name);
  }
  for (const auto& node : nodes) {
    const bool known = std::any_of(members.begin(), members.end(),
                                   [&](const auto& member) { return is_member(node, member); });
    if (!known) foreign.push_back(node.name);
  }
  std::vector<std::string> told;
  if (!absent.empty()) told.push_back("not in the cluster: " + join(absent, ", "));
  if (!waiting.empty()) told.push_back("not Ready: " + join(waiting, ", "));
  if (!foreign.empty()) told.push_back("in the cluster and no member: " + join(foreign, ", "));
  return join(told, "; ");
}

std::string lacking_of_server(const Call& call) {
  if (!is_active(kServerUnit)) return std::string(kServerUnit) + " is not active";
  const auto answers = kubectl({"get", "--raw", "/readyz"});
  if (!answers) return "the API does not answer";
  if (auto token = node_token(); !token) return token.error().message();
  const auto listed = list_nodes();
  if (!listed) return "the API does not list its nodes";
  const std::string own = own_node();
  for (const auto& node : *listed) {
    const bool mine = node.name == own || node.name == call.node;
    if (mine && node.ready) return "";
  }
  return "this node is not Ready";
}

std::string lacking_of_agent() {
  if (!is_active(kAgentUnit)) return std::string(kAgentUnit) + " is not active";
  const auto ready = kubectl({"get", "node", own_node(), "-o", kReady}, true);
  if (!ready) return "the cluster does not know this node";
  return trim(*ready) == "True" ? "" : "this node is not Ready";
}

const std::vector<StackDeployment>& stack_deployments() {
  static const std::vector<StackDeployment> kDeployments = {
      {"cert-manager", "cert-manager", "cert-manager"},
      {"Longhorn", "longhorn-system", "longhorn-driver-deployer"},
      {"Rancher", "cattle-system", "rancher"},
      {"the registry", "registry", "registry"}};
  return kDeployments;
}

StackPresence stack_presence() {
  StackPresence found;
  for (const auto& one : stack_deployments()) {
    const bool there = has_object(one.space, "deployment", one.name);
    (there ? found.present : found.absent).emplace_back(one.label);
  }
  return found;
}

Result<std::string> node_token() {
  auto text = read_file(kTokenFile, kTokenBytes);
  std::string token = text ? std::string(trim(*text)) : "";
  if (!token.empty()) return token;
  return Error(ErrorKind::kInvalid, "CoreFailed",
               std::string(kTokenFile) + (text ? " is empty" : " is not there"));
}

}  // namespace klubster
