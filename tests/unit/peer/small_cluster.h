// Several nodes in one process and on one event loop, over real TLS on loopback.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "linux/files.h"
#include "peer/node.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

namespace klubster {

inline std::uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  return ntohs(address.sin_port);
}

class SmallCluster {
 public:
  explicit SmallCluster(const std::vector<std::string>& names) : loop(*EventLoop::create()) {
    std::signal(SIGPIPE, SIG_IGN);  // as main() does
    for (const std::string& name : names) {
      const std::string port = std::to_string(free_port());
      members.push_back({name, {name == "n1" ? "server" : "agent"}, "127.0.0.1:" + port, ""});
    }
    options.times.sync_usec = 300'000;
    options.times.first_retry_usec = 50'000;
    options.times.last_retry_usec = 200'000;
  }

  PeerConfig config_of(const std::string& name) {
    PeerConfig config;
    config.node = name;
    config.machine = "machine-" + name;
    config.cluster_name = "lab";
    config.token_secret = std::string(32, 't');
    config.members = members;
    for (const Member& member : members) {
      if (member.name != name) continue;
      config.listen = member.address;
      config.modes = member.modes;
    }
    return config;
  }

  PeerNode& start(const PeerConfig& config, const std::string& dir_name) {
    PeerNodeOptions its = options;
    std::unique_ptr<TemporaryDirectory>& dir = dirs[dir_name];
    if (dir == nullptr) dir = std::make_unique<TemporaryDirectory>();
    its.state_dir = dir->path();
    auto node = PeerNode::create(loop, config, its);
    if (!node) FAIL(node.error().message());
    nodes[config.node] = *std::move(node);
    return *nodes[config.node];
  }
  PeerNode& start(const std::string& name) { return start(config_of(name), name); }
  void stop(const std::string& name) { nodes.erase(name); }
  PeerNode& node(const std::string& name) { return *nodes.at(name); }

  // Fails the test when it takes more than ten seconds.
  void wait_until(const std::function<bool()>& done) {
    bool is_late = false;
    const EventSource deadline = loop.after(10'000'000, [&] { is_late = true; });
    loop.run_until([&] { return is_late || done(); });
    REQUIRE_FALSE(is_late);
  }
  void wait_for(std::uint64_t usec) {
    bool is_over = false;
    const EventSource timer = loop.after(usec, [&] { is_over = true; });
    loop.run_until([&] { return is_over; });
  }

  // Whether `a` has heard from `b` itself.
  bool knows(const std::string& a, const std::string& b) {
    const Peer* peer = node(a).roster().find(b);
    return peer != nullptr && peer->said() != nullptr;
  }
  bool all_know_each_other() {
    for (const auto& [a, one] : nodes) {
      for (const auto& [b, other] : nodes) {
        if (a != b && !knows(a, b)) return false;
      }
    }
    return true;
  }

  EventLoop loop;
  std::vector<Member> members;
  PeerNodeOptions options;
  std::map<std::string, std::unique_ptr<TemporaryDirectory>> dirs;
  std::map<std::string, std::unique_ptr<PeerNode>> nodes;
};

inline RecordBody body_with(const std::string& phase, bool ready, std::uint64_t generation = 1) {
  RecordBody body;
  body.generation = generation;
  body.conditions = {{"Ready", phase, ready ? ConditionStatus::kTrue : ConditionStatus::kFalse, "",
                      "", "2026-11-21T01:49:00Z"}};
  return body;
}

inline Json peers_of(const PeerNode& node) {
  return parse_json(node.peers_text(), {.bytes = 1 << 20, .depth = 32}).value();
}
inline Json needs_of(const PeerNode& node) {
  return parse_json(node.needs_text(), {.bytes = 1 << 20, .depth = 32}).value();
}

// Whether `klubster peers` would show somebody as refused for that reason.
inline bool shows_refused(const PeerNode& node, std::string_view reason) {
  const Json peers = peers_of(node);
  for (const Json& refusal : peers.items("refused")) {
    if (refusal.text_or("reason") == reason) return true;
  }
  return false;
}

inline std::string problem_with(const PeerNode& node, std::string_view peer) {
  const Json peers = peers_of(node);
  for (const Json& row : peers.items("peers")) {
    if (row.text_or("name") == peer) return row.get("problem").text_or("reason");
  }
  return "";
}

}  // namespace klubster
