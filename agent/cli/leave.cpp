// klubster leave
#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

// Somebody at a terminal is asked; a script has decided already.
bool is_meant(bool yes) {
  if (yes || ::isatty(STDIN_FILENO) != 1) return true;
  std::cerr << "This stops and undoes this node's steps and takes it out of the cluster.\n"
               "Type `leave` to go on: ";
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "leave";
}

int run(bool yes) {
  if (!is_meant(yes)) {
    std::cerr << "klubster: nothing was done\n";
    return kExitFailed;
  }
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto accepted = client->ask_agent("Leave");
  if (!accepted) return report(accepted.error());
  std::cerr << "accepted; to see it through: klubster wait --for=Left\n";
  return kExitDone;
}

}  // namespace

Action declare_leave(Arguments& arguments) {
  const auto yes = std::make_shared<bool>(false);
  arguments.flag("--yes", yes.get(), "Do not ask");
  return [yes] { return run(*yes); };
}

}  // namespace klubster
