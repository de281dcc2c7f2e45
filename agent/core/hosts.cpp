// One line of /etc/hosts, which is klubster's, and nothing else of it.
#include <sys/stat.h>

#include <algorithm>

#include "core/hosts_text.h"
#include "core/verbs.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr const char* kHosts = "/etc/hosts";
constexpr std::size_t kHostsBytes = 4 * 1024 * 1024;

// A generated file (a link into the Nix store) is its generator's.
bool is_ours_to_write() {
  struct stat entry {};
  return ::lstat(kHosts, &entry) == 0 && S_ISREG(entry.st_mode);
}

}  // namespace

Status hosts(const Call& call) {
  if (!is_ours_to_write()) {
    say("/etc/hosts is generated here: the names of Rancher and registry have to come from there");
    return {};
  }
  auto text = read_file(kHosts, kHostsBytes);
  if (!text) return text.error();
  std::string line;
  if (!call.has("--remove")) {
    auto server = call.server_host();
    if (!server) return server.error();
    line = *server + " " + call.rancher_host() + " " + call.registry_host();
  }
  const std::string wanted = with_hosts_line(*text, line);
  if (wanted == *text) return {};
  if (call.has("--check")) {
    return Error(ErrorKind::kUnavailable, "CheckFailed", "/etc/hosts lacks `" + line + "`");
  }
  return write_file_durably(kHosts, wanted, 0644);
}

}  // namespace klubster
