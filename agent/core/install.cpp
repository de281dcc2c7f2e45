// Core's modes, each followed by the proof that it did what it says (its exit code does not tell: a
// download that failed inside of it reads as success).
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include "base/digest.h"
#include "base/text.h"
#include "core/cluster.h"
#include "core/core_run.h"
#include "core/stack_health.h"
#include "core/storage_classes.h"
#include "core/verbs.h"
#include "core/wait_until.h"
#include "linux/files.h"
#include "linux/program.h"
#include "model/core_run.h"

namespace klubster {

namespace {

constexpr std::uint64_t kServerUsec = 180'000'000;
constexpr std::size_t kSmallBytes = 64 * 1024;
constexpr const char* kAgentEnvironment = "/etc/systemd/system/k3s-agent.service.env";
// Core puts the token that it is told into a command line. So it is told this one, and K3s is not
// started before the real one stands in its file.
constexpr const char* kStandInToken = "klubster-writes-the-token";

// Rancher's first password, unless one is given: random, kept for root alone.
Result<std::string> rancher_password(const Call& call) {
  if (auto given = call.input("CORE_RANCHER_PASSWORD"); !given.empty()) return given;
  const std::string file = call.state_dir + "/rancher-password";
  if (const auto kept = read_file(file, kSmallBytes); kept && !kept->empty()) return *kept;
  std::string made = to_hex(random_bytes(12));
  if (auto written = write_file_durably(file, made, 0600); !written) return written.error();
  say("Rancher's first password is in " + file);
  return made;
}

std::string or_else(std::string value, const std::string& otherwise) {
  return value.empty() ? otherwise : value;
}

Result<CoreAnswers> answers_of(const Call& call, const std::string& mode) {
  CoreAnswers answers;
  answers.server_url = call.input("AGENT_SERVER_URL");
  if (mode == "agent") answers.token = kStandInToken;
  if (mode == "agent" || mode == "server") return answers;
  const CoreAnswers usual;
  answers.base_domain = call.setting("BASE_DOMAIN");
  answers.rancher_host = call.rancher_host();
  answers.registry_host = call.registry_host();
  answers.tls_mode = or_else(call.input("CORE_TLS_MODE"), usual.tls_mode);
  answers.email = call.input("CORE_LETSENCRYPT_EMAIL");
  answers.acme = or_else(call.input("CORE_LETSENCRYPT_ENVIRONMENT"), usual.acme);
  answers.longhorn_path = or_else(call.input("CORE_LONGHORN_DATA_PATH"), usual.longhorn_path);
  answers.replicas =
      or_else(call.input("CORE_LONGHORN_REPLICAS"), call.members.size() > 1 ? "2" : "1");
  answers.minimal = or_else(call.input("CORE_LONGHORN_MINIMAL_AVAILABLE"), usual.minimal);
  answers.longhorn_default = or_else(call.input("CORE_LONGHORN_DEFAULT"), usual.longhorn_default);
  answers.registry_size = or_else(call.input("CORE_REGISTRY_SIZE"), usual.registry_size);
  answers.registry_class = call.input("CORE_REGISTRY_STORAGE_CLASS");
  answers.registry_user = call.input("CORE_REGISTRY_USER");
  answers.registry_password = call.input("CORE_REGISTRY_PASSWORD");
  answers.nfs_path = call.input("CORE_NFS_PATH");
  answers.nfs_network = call.input("CORE_NFS_NETWORK");
  answers.trust_docker = or_else(call.input("CORE_TRUST_DOCKER"), usual.trust_docker);
  auto password = rancher_password(call);
  if (!password) return password.error();
  answers.rancher_password = std::move(*password);
  return answers;
}

Status write_outputs(const Call& call) {
  auto host = call.server_host();
  if (!host) return host.error();
  auto token = node_token();
  if (!token) return token.error();
  const bool is_ipv6 = host->find(':') != std::string::npos;
  const std::string url = "https://" + (is_ipv6 ? "[" + *host + "]" : *host) + ":6443";
  // Its place is bound in: it is written as it stands.
  auto file = open_file(call.outputs_file, O_WRONLY | O_TRUNC);
  if (!file) return file.error();
  return write_all(file->get(),
                   "AGENT_SERVER_URL=" + url + "\nAGENT_CLUSTER_TOKEN=" + *token + "\n");
}

// The file that K3s' installer made for the agent, with the real token and the server's address
// now.
std::string agent_environment(const Call& call, const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& line : split(text, '\n')) {
    const bool ours = line.starts_with("K3S_TOKEN=") || line.starts_with("K3S_URL=");
    if (!ours && !line.empty()) lines.push_back(line);
  }
  lines.push_back("K3S_URL='" + call.input("AGENT_SERVER_URL") + "'");
  lines.push_back("K3S_TOKEN='" + std::string(trim(call.input("AGENT_CLUSTER_TOKEN"))) + "'");
  return join(lines, "\n") + "\n";
}

Status start_agent() {
  for (const auto& words :
       {std::vector<std::string>{"systemctl", "daemon-reload"},
        std::vector<std::string>{"systemctl", "enable", kAgentUnit},
        std::vector<std::string>{"systemctl", "--no-block", "restart", kAgentUnit}}) {
    const auto ran = run_program(words, kSmallBytes);
    if (!ran) return ran.error();
    if (ran->code != 0) return core_failed(join(words, " ") + " failed");
  }
  return {};
}

// An agent that the image or somebody else runs (it has no such file) is left as it is.
Status join_cluster(const Call& call, bool ran_before) {
  for (const char* name : {"AGENT_SERVER_URL", "AGENT_CLUSTER_TOKEN"}) {
    const std::string value = call.input(name);
    if (!trim(value).empty() && value.find('\'') == std::string::npos) continue;
    return Error(ErrorKind::kInvalid, "BadValue", std::string(name) + ": expected a server's own");
  }
  const auto before = read_file(kAgentEnvironment, kSmallBytes);
  if (!before && ran_before) return {};
  if (!before) {
    return core_failed("Core reports success, but K3s' agent was not installed: " +
                       std::string(kAgentEnvironment) + " is not there");
  }
  const std::string wanted = agent_environment(call, *before);
  if (ran_before && wanted == *before) return {};
  if (auto written = write_file_durably(kAgentEnvironment, wanted, 0600); !written) return written;
  return start_agent();
}

// How Core is called: packages of a stack through its own command line.
Result<std::vector<std::string>> core_command(const Call& call, const CoreBundle& bundle,
                                              const std::string& mode) {
  std::vector<std::string> argv = {"/bin/bash", bundle.apply_script(), "--mode", mode};
  if (mode != "stack" || bundle.generation == CoreGeneration::kBootstrap) return argv;
  std::string package = call.input("PRODUCTIVE_K3S_STACK_REMOTE_PATH");
  const std::string url = call.input("PRODUCTIVE_K3S_STACK_TGZ_URL");
  if (!url.empty()) {
    package = call.state_dir + "/stack.tgz";
    const auto got = download(url, call.input("PRODUCTIVE_K3S_STACK_TGZ_SHA256"),
                              call.input("CORE_CA"), package);
    if (!got) return got.error();
  }
  if (package.empty()) return argv;
  return std::vector<std::string>{"/bin/bash", bundle.directory + "/productive-k3s-core.sh",
                                  "stack",     "install",
                                  "--tgz",     package};
}

// What is not even installed does not come by waiting.
Status prove(const std::string& unit, std::uint64_t limit_usec, const auto& lacking) {
  if (!is_installed_unit(unit)) {
    return core_failed("Core reports success, but there is no " + unit);
  }
  auto proven = wait_until(limit_usec, "CoreFailed", lacking);
  return proven ? proven : std::move(proven.error()).in("Core reports success, but");
}

Status prove_server(const Call& call) {
  const std::uint64_t limit = std::min(kServerUsec, patience_usec(call, call.mode()));
  auto proven = prove(kServerUnit, limit, [&] { return lacking_of_server(call); });
  return proven ? write_outputs(call) : proven;
}

Status install_agent(const Call& call, const CoreBundle& bundle, const CoreAnswers& answers) {
  if (is_active(kServerUnit)) {
    return Error(ErrorKind::kInvalid, "CoreRefused",
                 std::string(kServerUnit) + " runs here: a node is a server or an agent");
  }
  const bool ran_before = is_active(kAgentUnit);
  ::setenv("INSTALL_K3S_SKIP_START", "true", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  auto argv = core_command(call, bundle, "agent");
  if (!argv) return argv.error();
  if (auto ran = run_core(call, bundle, "agent", *argv, answers); !ran) return ran;
  if (auto joined = join_cluster(call, ran_before); !joined) return joined;
  return prove(kAgentUnit, patience_usec(call, "agent"), [] { return lacking_of_agent(); });
}

// One default StorageClass: K3s' own one stands beside Longhorn's otherwise.
Status choose_storage(const Call& call) {
  if (or_else(call.input("CORE_LONGHORN_DEFAULT"), "y") != "y") return {};
  const std::string mark = "storageclass.kubernetes.io/is-default-class";
  const auto listed = kubectl({"get", "storageclass", "-o", kClassLine});
  if (!listed) return listed.error();
  for (const auto& change : class_changes(classes_in(*listed))) {
    const std::string value = change.is_default ? "true" : "false";
    const auto done =
        kubectl({"annotate", "--overwrite", "storageclass", change.name, mark + "=" + value});
    if (!done) return done.error();
    say("StorageClass " + change.name + ": default " + value);
  }
  return {};
}

// A part that Core left out, or whose installation it gave up, reads as success as well.
Status has_whole_stack(const Call& call) {
  const auto found = stack_presence();
  if (found.present.empty()) {
    return core_failed("Core reports success, but the cluster has nothing of the stack: no " +
                       join(found.absent, ", no "));
  }
  const auto missing = not_installed(last_run(call.state_dir), found);
  if (missing.empty()) return {};
  return core_failed("Core reports success, but did not install " + join(missing, ", "));
}

Status prove_stack(const Call& call) {
  auto whole = has_whole_stack(call);
  return whole ? choose_storage(call) : whole;
}

// A stack that is all there is not installed again: Core would lay its packages' defaults over it.
Status install_stack(const Call& call, const CoreBundle& bundle, const CoreAnswers& answers) {
  if (stack_presence().absent.empty() && core_run_succeeded(last_run(call.state_dir))) {
    say("the stack is there already: its settings are left as they are");
    return {};
  }
  auto argv = core_command(call, bundle, "stack");
  if (!argv) return argv.error();
  if (auto ran = run_core(call, bundle, "stack", *argv, answers); !ran) return ran;
  return prove_stack(call);
}

}  // namespace

Status install(const Call& call) {
  const std::string mode = call.mode();
  auto bundle = look_at_bundle(call.core(), false);
  if (!bundle) return bundle.error();
  if (auto entered = enter_step(call); !entered) return entered;
  auto answers = answers_of(call, mode);
  if (!answers) return answers.error();
  if (mode == "agent") return install_agent(call, *bundle, *answers);
  if (mode == "stack") return install_stack(call, *bundle, *answers);
  auto argv = core_command(call, *bundle, mode);
  if (!argv) return argv.error();
  if (auto ran = run_core(call, *bundle, mode, *argv, *answers); !ran) return ran;
  if (mode == "single-node") {
    if (auto stack = prove_stack(call); !stack) return stack;
  }
  return prove_server(call);
}

Status is_installed(const Call& call) {
  const std::string mode = call.mode();
  if (!core_run_succeeded(last_run(call.state_dir))) {
    return core_failed("Core has not succeeded here yet");
  }
  if (mode == "stack" || mode == "single-node") {
    auto whole = has_whole_stack(call);
    if (!whole || mode == "stack") return whole;
  }
  const std::string lacking = mode == "agent" ? lacking_of_agent() : lacking_of_server(call);
  if (!lacking.empty()) return core_failed(lacking);
  return mode == "agent" ? Status() : write_outputs(call);
}

}  // namespace klubster
