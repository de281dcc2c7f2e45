// Core's public keys, as its own privacy test lists them.
#include "model/core_run.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kValueBytes = 128;

constexpr const char* kHead[] = {"run_id",     "script",      "mode",        "status",
                                 "started_at", "finished_at", "current_step"};
constexpr const char* kSettings[] = {"host_os_id",
                                     "host_os_version_id",
                                     "host_os_codename",
                                     "host_os_pretty_name",
                                     "platform_support",
                                     "bootstrap_mode",
                                     "k3s_installation_engine",
                                     "agent_server_url_provided",
                                     "agent_cluster_token_provided",
                                     "tls_mode",
                                     "letsencrypt_environment",
                                     "longhorn_replica_count",
                                     "longhorn_minimal_available_percentage",
                                     "longhorn_single_node_mode",
                                     "registry_pvc_size",
                                     "registry_storage_class_configured",
                                     "registry_auth_enabled",
                                     "nfs_manage",
                                     "rancher_manage_local_hosts",
                                     "registry_manage_local_hosts",
                                     "registry_trust_docker",
                                     "telemetry_enabled",
                                     "telemetry_max_retries"};
constexpr const char* kComponents[] = {"cluster_runtime",
                                       "k3s",
                                       "helm",
                                       "cert_manager",
                                       "clusterissuer",
                                       "longhorn",
                                       "longhorn_host_prep",
                                       "rancher",
                                       "rancher_host_local",
                                       "registry",
                                       "registry_host_local",
                                       "registry_docker_trust",
                                       "stack_addons",
                                       "nfs"};
constexpr const char* kOfComponent[] = {"detected_before", "planned_action", "result"};

void take(Json& into, const Json& from, const auto& names) {
  for (const char* name : names) {
    const auto* text = from.get(name).as_string();
    if (text != nullptr) into[name] = printable(*text, kValueBytes);
  }
}

}  // namespace

Json public_core_run(const Json& manifest) {
  Json run = Json::object();
  if (manifest.text_or("run_id").empty()) return run;
  take(run, manifest, kHead);
  run["exit_code"] = manifest.integer_or("exit_code", -1);
  run["settings"] = Json::object();
  take(run["settings"], manifest.get("settings"), kSettings);
  run["components"] = Json::object();
  for (const char* name : kComponents) {
    const Json& component = manifest.get("components").get(name);
    if (component.as_object() == nullptr) continue;
    Json shown = Json::object();
    take(shown, component, kOfComponent);
    run["components"][name] = std::move(shown);
  }
  return run;
}

bool core_run_succeeded(const Json& run) {
  return run.text_or("status") == "success" && run.integer_or("exit_code", -1) == 0 &&
         run.text_or("mode") != "dry-run";
}

std::string core_run_text(const Json& run) {
  std::vector<std::string> parts;
  for (const char* name : kComponents) {
    const std::string result = run.get("components").get(name).text_or("result");
    // `k3s` says what cluster_runtime says, for old readers.
    if (std::string_view(name) == "k3s" || result.empty()) continue;
    if (result == "skipped" || result == "pending") continue;
    parts.push_back(std::string(name) + " " + printable(result, 40));
  }
  return printable(run.text_or("run_id"), 80) + ": " + printable(run.text_or("status"), 40) +
         (parts.empty() ? "" : ": " + join(parts, ", "));
}

}  // namespace klubster
