// D-Bus calls as plain functions: the loop runs until the reply is there.
#include "cli/agent_client.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/names.h"
#include "base/reason.h"

namespace klubster {

namespace {

// An apply or a leave answers when it has been accepted, so a minute is long.
constexpr std::uint64_t kCallUsec = 60'000'000;
constexpr std::size_t kAnswerBytes = 16 << 20;

bool means_absent(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kNames = {"ServiceUnknown", "NameHasNoOwner",
                                                      "UnknownObject", "Disconnected", "NoReply"};
  return std::ranges::count(kNames, reason) != 0;
}

}  // namespace

Error agent_error(const Error& from_bus, std::string_view daemon_unit) {
  const std::string unit(daemon_unit);
  if (means_absent(from_bus.reason())) {
    return Error(ErrorKind::kUnavailable, "AgentUnreachable",
                 unit + " does not answer on the bus: " + from_bus.message())
        .hint("systemctl status " + unit);
  }
  if (from_bus.reason() == "AccessDenied" || from_bus.reason() == "AuthorizationFailed") {
    return Error(ErrorKind::kInvalid, "AccessDenied", "only root may do this")
        .hint("the same command with sudo");
  }
  if (from_bus.reason() == "GenerationDiffers") {
    return Error(ErrorKind::kConflict, from_bus.reason(), from_bus.message());
  }
  const Reason* row = find_reason(from_bus.reason());
  if (row == nullptr) {
    return Error(ErrorKind::kInternal, from_bus.reason(), from_bus.message())
        .hint("journalctl -u " + unit + " -b");
  }
  return Error(row->retried ? ErrorKind::kUnavailable : ErrorKind::kInvalid, from_bus.reason(),
               from_bus.message());
}

Result<AgentClient> AgentClient::create() {
  auto loop = EventLoop::create();
  if (!loop) return loop.error();
  AgentClient client(std::move(*loop));
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  const char* which = std::getenv("KLUBSTER_BUS");
  const bool user = which != nullptr && std::string_view(which) == "user";
  auto bus = user ? Bus::open_user(*client.loop_) : Bus::open_system(*client.loop_);
  if (!bus) {
    return Error(bus.error()).hint("systemctl status dbus " + std::string(names::kAgentUnit));
  }
  client.bus_ = std::make_unique<Bus>(std::move(*bus));
  return client;
}

Result<Json> AgentClient::ask(const char* destination, const char* path, const std::string& method,
                              const std::function<void(BusMessage&)>& fill) {
  auto message = bus_->method(destination, path, destination, method);
  if (fill) fill(message);
  std::optional<Result<Json>> answer;
  bus_->call(
      std::move(message),
      [&](Result<BusMessage> reply) {
        if (!reply) {
          answer = Result<Json>(reply.error());
        } else if (reply->signature() == "s") {
          answer = parse_json(reply->read_string(), {kAnswerBytes, 64});
        } else {
          answer = Result<Json>(Json());
        }
      },
      kCallUsec);
  loop_->run_until([&] { return answer.has_value(); });
  if (!*answer) {
    const bool agent = std::string_view(destination) == names::kAgentBus;
    return agent_error(answer->error(), agent ? names::kAgentUnit : names::kPeerUnit);
  }
  return std::move(*answer);
}

Result<Json> AgentClient::ask_agent(const std::string& method,
                                    const std::function<void(BusMessage&)>& fill) {
  return ask(names::kAgentBus, names::kAgentPath, method, fill);
}

Result<Json> AgentClient::ask_peers(const std::string& method) {
  return ask(names::kPeersBus, names::kPeersPath, method, nullptr);
}

// A signal only says "look again". One that comes while `look` is asking is not lost: it sets
// `dirty`, and `look` is called once more.
std::optional<int> AgentClient::follow(const char* destination, std::uint64_t timeout_usec,
                                       const std::function<std::optional<int>()>& look) {
  const std::string name = destination;
  bool dirty = false;
  bool over = false;
  const auto wake = [&](const BusMessage&) { dirty = true; };
  const auto changed = bus_->match("type='signal',interface='" + name + "'", wake);
  const auto owner = bus_->match(
      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + name + "'",
      wake);
  EventSource deadline;
  if (timeout_usec != 0) {
    deadline = loop_->after(timeout_usec, [&] { over = true; });
  }
  while (!over) {
    dirty = false;
    if (const auto code = look()) return code;
    loop_->run_until([&] { return dirty || over; });
  }
  return std::nullopt;
}

std::optional<int> AgentClient::follow_agent(std::uint64_t timeout_usec,
                                             const std::function<std::optional<int>()>& look) {
  return follow(names::kAgentBus, timeout_usec, look);
}

std::optional<int> AgentClient::follow_peers(const std::function<std::optional<int>()>& look) {
  return follow(names::kPeersBus, 0, look);
}

}  // namespace klubster
