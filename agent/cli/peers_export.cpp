// klubster peers export
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/inventory.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

int run(const std::string& format) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto peers = client->ask_peers("GetPeers");
  if (!peers) return report(peers.error());
  const auto inventory = inventory_of(*peers);
  if (format == "hosts") {
    std::cout << hosts_text(inventory);
  } else if (format == "ansible") {
    std::cout << ansible_text(inventory);
  } else {
    std::cout << inventory_json(inventory).pretty() << "\n";
  }
  return kExitDone;
}

}  // namespace

Action declare_peers_export(Arguments& arguments) {
  const auto format = std::make_shared<std::string>("json");
  arguments.choice("--format", format.get(), {"hosts", "ansible", "json"},
                   "A hosts file, an Ansible inventory, or JSON (default json)");
  return [format] { return run(*format); };
}

}  // namespace klubster
