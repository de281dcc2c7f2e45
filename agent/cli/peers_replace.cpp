// klubster peers replace
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/consent.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct PeersReplaceOptions {
  std::string name;
  bool yes = false;
};

int run(const PeersReplaceOptions& options) {
  if (!is_meant(options.yes,
                "The machine that has the name " + printable(options.name, 80) +
                    " now is refused by all members from then on.",
                options.name)) {
    return kExitFailed;
  }
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto said =
      client->ask_peers("Replace", [&](BusMessage& message) { message.add_string(options.name); });
  if (!said && said.error().reason() == "UnknownName") {
    return report(Error(said.error()).hint("klubster peers shows the nodes, and who was refused"));
  }
  if (!said) return report(said.error());
  std::cout << said->text_or("node") << " is the machine at " << said->text_or("address")
            << " from now on; every member is told\n";
  return kExitDone;
}

}  // namespace

Action declare_peers_replace(Arguments& arguments) {
  const auto options = std::make_shared<PeersReplaceOptions>();
  arguments.word("NAME", &options->name, "The node, as klubster peers shows it", true);
  arguments.flag("--yes", &options->yes, "Do not ask");
  return [options] { return run(*options); };
}

}  // namespace klubster
