// klubster cluster init
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/guarded_call.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct ClusterInitOptions {
  std::string node;
  bool force = false;
  GuardOptions guard;
};

int run(const ClusterInitOptions& options) {
  if (!options.force) {
    return report(Error(ErrorKind::kInvalid, "Usage",
                        "expected --force: without it the servers form their cluster by "
                        "themselves, and klubster status says what they wait for"));
  }
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto accepted = client->ask_agent("InitCluster", [&](BusMessage& message) {
    message.add_string(options.node);
    add_options(message, guarded({{"force", true}}, options.guard));
  });
  if (!accepted) return report(accepted.error());
  std::cerr << "accepted; to see it through: klubster wait --for=Ready/server\n";
  return kExitDone;
}

}  // namespace

Action declare_cluster_init(Arguments& arguments) {
  const auto options = std::make_shared<ClusterInitOptions>();
  arguments.flag("--force", &options->force,
                 "Without the promises of the others, and though there may be a cluster already");
  declare_guard(arguments, &options->guard);
  arguments.word("NAME", &options->node, "This server's own name, lest it be another one", true);
  return [options] { return run(*options); };
}

}  // namespace klubster
