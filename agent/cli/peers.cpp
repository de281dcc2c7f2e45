// klubster peers
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

struct PeersOptions {
  std::string name;
  bool json = false;
  bool watch = false;
};

Error no_such_peer(const Json& peers, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& peer : peers.items("peers"))
    names.push_back(peer.text_or("name"));
  std::string message = "no peer is called `" + printable(name, 80) + "`";
  if (const auto meant = nearest(name, names)) message += " (did you mean " + *meant + "?)";
  return Error(ErrorKind::kInvalid, "UnknownName", message).hint("klubster peers lists them");
}

int show(const Json& peers, const PeersOptions& options) {
  const Look look = look_of_stdout();
  if (options.watch && look.colour && !options.json) std::cout << "\033[H\033[2J";
  if (options.name.empty()) {
    std::cout << (!options.json   ? peers_text(peers, look)
                  : options.watch ? peers.dump() + "\n"
                                  : peers.pretty() + "\n");
    std::cout.flush();
    return kExitDone;
  }
  for (const auto& peer : peers.items("peers")) {
    if (peer.text_or("name") != options.name) continue;
    std::cout << (options.json ? peer.pretty() + "\n" : peer_text(peers, options.name, look));
    std::cout.flush();
    return kExitDone;
  }
  return report(no_such_peer(peers, options.name));
}

int run(const PeersOptions& options) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  if (!options.watch) {
    const auto peers = client->ask_peers("GetPeers");
    return peers ? show(*peers, options) : report(peers.error());
  }
  return client
      ->follow_peers([&]() -> std::optional<int> {
        const auto peers = client->ask_peers("GetPeers");
        // Both are told where they happen; the watch goes on.
        (void)(peers ? show(*peers, options) : report(peers.error()));
        return std::nullopt;
      })
      .value_or(kExitDone);
}

}  // namespace

Action declare_peers(Arguments& arguments) {
  const auto options = std::make_shared<PeersOptions>();
  arguments.word("NAME", &options->name, "Only this peer, in full", false);
  arguments.flag("--json", &options->json, "Print JSON");
  arguments.flag("--watch", &options->watch, "Print it again at each change, until Ctrl-C");
  return [options] { return run(*options); };
}

}  // namespace klubster
