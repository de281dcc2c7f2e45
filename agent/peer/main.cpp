// klubster-peerd: exchanges node records and facts with the other members of the cluster.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/names.h"
#include "linux/environment.h"
#include "linux/files.h"
#include "linux/journal.h"
#include "linux/notify.h"
#include "peer/discovery.h"
#include "peer/node.h"
#include "peer/peers_api.h"
#include "peer/refused_config.h"

namespace klubster {

namespace {

constexpr std::size_t kConfigBytes = 1024 * 1024;
constexpr const char* kUsage =
    "klubster-peerd [--config FILE] [--state-dir DIR] [--bus system|user|none]\n"
    "Started by klubsterd as klubster-peerd.service; the configuration is its credential "
    "`config`.\n";

struct Options {
  std::string config;
  std::string state_dir = std::string(names::kPeerStateDir);
  std::string bus = "system";
};

std::optional<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
    options.config = std::string(credentials) + "/config";
  }
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return std::nullopt;
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--config") {
      options.config = value;
    } else if (arguments[i] == "--state-dir") {
      options.state_dir = value;
    } else if (arguments[i] == "--bus") {
      options.bus = value;
    } else {
      return std::nullopt;
    }
  }
  const bool known_bus = options.bus == "system" || options.bus == "user" || options.bus == "none";
  if (options.config.empty() || !known_bus) return std::nullopt;
  return options;
}

Result<PeerConfig> load_config(const std::string& path) {
  Result<std::string> text = read_file(path, kConfigBytes);
  if (!text) return std::move(text).error();
  return parse_peer_config(*text);
}

int fail(const Error& error, int code) {
  log_error(error);
  return code;
}

int wait_for_config(EventLoop& loop, Bus& bus, const std::string& node, const Error& error) {
  log_error(error);
  const RefusedConfig stand_in(bus, node, error);
  if (Status owned = bus.own_name(names::kPeersBus); !owned)
    return fail(owned.error(), kExitFailed);
  loop.feed_watchdog();
  notify("READY=1\nSTATUS=no peers: " + error.message());
  return loop.run();
}

int serve(const Options& options, PeerConfig config) {
  Result<EventLoop> loop = EventLoop::create();
  if (!loop) return fail(loop.error(), kExitFailed);
  std::optional<Bus> bus;
  if (options.bus != "none") {
    Result<Bus> opened = options.bus == "user" ? Bus::open_user(*loop) : Bus::open_system(*loop);
    if (!opened) return fail(opened.error(), kExitFailed);
    bus.emplace(*std::move(opened));
  }
  const EventSource terminated = loop->on_signal(SIGTERM, [&] { loop->exit(0); });
  const EventSource interrupted = loop->on_signal(SIGINT, [&] { loop->exit(0); });

  PeerNodeOptions node_options;
  node_options.state_dir = options.state_dir;
  const std::string discovery_by = config.discovery;
  Announcement announced{config.node, config.cluster_name, 0};
  auto node = PeerNode::create(*loop, std::move(config), node_options);
  // A start anew would end the same way: it waits for another configuration instead.
  if (!node && node.error().kind() == ErrorKind::kInvalid && bus) {
    return wait_for_config(*loop, *bus, announced.node, node.error());
  }
  if (!node) return fail(node.error(), kExitFailed);
  std::optional<PeersApi> api;
  std::optional<Discovery> discovery;
  if (bus) {
    api.emplace(*loop, *bus, **node);
    if (Status owned = bus->own_name(names::kPeersBus); !owned) {
      return fail(owned.error(), kExitFailed);
    }
  }
  if (bus && discovery_by != "none") {
    PeerNode& peer = **node;
    announced.port = peer.port();
    discovery.emplace(
        *loop, *bus, std::move(announced), discovery_by == "auto",
        Discovery::Handlers{
            [&peer](const std::string& name, const HostPort& at) { peer.hint(name, at); },
            [&peer](const std::string& name, const HostPort& at) { peer.forget_hint(name, at); }});
  }
  loop->feed_watchdog();
  notify("READY=1\nSTATUS=listening at port " + std::to_string((*node)->port()));
  const int code = loop->run();
  notify("STOPPING=1");
  return code;
}

int peerd_main(const std::vector<std::string>& arguments) {
  if (arguments == std::vector<std::string>{"--help"}) {
    std::cout << kUsage;
    return 0;
  }
  const std::optional<Options> options = parse_options(arguments);
  if (!options) {
    std::cerr << kUsage;
    return kExitUsage;
  }
  log_to_journal_if_connected();
  start_crypto();
  Result<PeerConfig> config = load_config(options->config);
  if (!config) return fail(config.error(), kExitFixInput);
  return serve(*options, *std::move(config));
}

}  // namespace

}  // namespace klubster

int main(int argc, char** argv) {
  klubster::clear_environment();
  // A peer that closes its end must not end us: sockets report it.
  std::signal(SIGPIPE, SIG_IGN);
  return klubster::run_main("klubster-peerd", [&] {
    return klubster::peerd_main({argv + 1, argv + argc});
  });
}
