// Deployments, names, HTTPS, StorageClass.
#include "core/stack_health.h"

#include <map>
#include <set>

#include "base/text.h"
#include "core/storage_classes.h"
#include "linux/program.h"

namespace klubster {

namespace {

constexpr std::size_t kReplyBytes = 64 * 1024;
constexpr const char* kAvailable =
    R"(jsonpath={.status.conditions[?(@.type=="Available")].status})";

// Certificates are not checked: the stack's own are self-signed, and what is asked is whether the
// ingress leads to it. By the server's address, whatever the name leads to elsewhere.
std::string http_status(const Call& call, const std::string& host, const std::string& path) {
  const auto server = call.server_host();
  std::vector<std::string> words = {"curl",         "--silent",   "--insecure",
                                    "--output",     "/dev/null",  "--write-out",
                                    "%{http_code}", "--max-time", "20"};
  if (server) words.insert(words.end(), {"--connect-to", host + ":443:" + *server + ":443"});
  words.push_back("https://" + host + path);
  const auto ran = run_program(words, kReplyBytes);
  return ran ? std::string(trim(ran->text)) : "";
}

std::string lacking_endpoint(const Call& call, const std::string& component,
                             const std::string& host, const std::string& path) {
  const auto resolved = run_program({"getent", "hosts", host}, kReplyBytes);
  if (resolved && resolved->code != 0) return printable(host, 200) + " does not resolve here";
  if (!has_program("curl")) return "";
  const std::string status = http_status(call, host, path);
  if (answers_well(component, status)) return "";
  return component + " does not answer at https://" + printable(host, 200) + path +
         (status.empty() || status == "000" ? "" : ": it says " + printable(status, 20));
}

std::string lacking_deployments(const StackPresence& found) {
  std::vector<std::string> waiting;
  for (const auto& one : stack_deployments()) {
    if (!contains(found.present, one.label)) continue;
    const auto told = kubectl({"get", "deployment", one.name, "-n", one.space, "-o", kAvailable});
    if (!told || trim(*told) != "True") waiting.push_back(one.label);
  }
  return waiting.empty() ? "" : "not available yet: " + join(waiting, ", ");
}

std::string lacking_class(const Call& call) {
  const std::string wanted = call.input("CORE_LONGHORN_DEFAULT");
  if (!wanted.empty() && wanted != "y") return "";
  const auto listed = kubectl({"get", "storageclass", "-o", kClassLine});
  if (!listed) return "the API does not list its StorageClasses";
  const auto changes = class_changes(classes_in(*listed));
  if (changes.empty()) return "";
  return "expected one default StorageClass, Longhorn's; " + changes.front().name +
         (changes.front().is_default ? " is not the default" : " is a default, too");
}

}  // namespace

bool answers_well(const std::string& component, const std::string& http_status) {
  static const std::set<std::string> kRancher = {"200", "301", "302", "303", "307",
                                                 "308", "401", "403", "404"};
  static const std::set<std::string> kRegistry = {"200", "401", "404"};
  return (component == "Rancher" ? kRancher : kRegistry).contains(http_status);
}

std::vector<std::string> not_installed(const Json& run, const StackPresence& found) {
  static const std::map<std::string, std::string> kLabels = {{"cert_manager", "cert-manager"},
                                                             {"longhorn", "Longhorn"},
                                                             {"rancher", "Rancher"},
                                                             {"registry", "the registry"}};
  std::vector<std::string> missing;
  for (const auto& [component, label] : kLabels) {
    const bool wanted = run.get("components").get(component).text_or("planned_action") == "install";
    if (wanted && contains(found.absent, label)) missing.push_back(label);
  }
  return missing;
}

std::string lacking_of_stack(const Call& call) {
  const StackPresence found = stack_presence();
  if (found.present.empty()) return "the cluster has nothing of the stack";
  if (auto waiting = lacking_deployments(found); !waiting.empty()) return waiting;
  if (contains(found.present, "Longhorn")) {
    if (auto wrong = lacking_class(call); !wrong.empty()) return wrong;
  }
  if (contains(found.present, "Rancher")) {
    auto silent = lacking_endpoint(call, "Rancher", call.rancher_host(), "/");
    if (!silent.empty()) return silent;
  }
  if (!contains(found.present, "the registry")) return "";
  return lacking_endpoint(call, "the registry", call.registry_host(), "/v2/");
}

}  // namespace klubster
