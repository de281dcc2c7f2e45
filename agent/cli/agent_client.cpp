// D-Bus calls as plain functions: the loop runs until the reply is there.
#include "cli/agent_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/names.h"
#include "base/reason.h"
#include "base/text.h"
#include "cli/exit_code.h"

namespace klubster {

namespace {

// A person whom polkit asks for a password takes longer than the answer.
constexpr std::uint64_t kPersonUsec = 300'000'000;
constexpr std::size_t kAnswerBytes = 16 << 20;

bool means_absent(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kNames = {"ServiceUnknown", "NameHasNoOwner",
                                                      "UnknownObject", "Disconnected", "NoReply"};
  return std::ranges::count(kNames, reason) != 0;
}

// Somebody else was first.
bool means_lost(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kReasons = {"GenerationDiffers", "ApplyUnderWay",
                                                        "Leaving", "CommandRuns", "RecoveryMode"};
  return std::ranges::count(kReasons, reason) != 0;
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
    // What the bus itself says names its rules and not what is asked for.
    const bool by_bus = from_bus.message().starts_with("Rejected send message");
    return Error(ErrorKind::kInvalid, "AccessDenied",
                 by_bus ? "only root may ask this of " + unit : from_bus.message())
        .hint("the same command with sudo");
  }
  if (means_lost(from_bus.reason())) {
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

Result<std::uint64_t> parse_timeout(const std::string& given) {
  const auto usec = parse_duration_usec(given);
  if (usec && *usec > 0) return *usec;
  return Error(
      ErrorKind::kInvalid, "Usage",
      "--timeout: expected a duration such as 90s or 10m, found `" + printable(given, 40) + "`");
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
                              const std::function<void(BusMessage&)>& fill,
                              std::uint64_t timeout_usec) {
  auto message = bus_->method(destination, path, destination, method);
  if (fill) fill(message);
  const bool with_person = ::isatty(STDIN_FILENO) == 1;
  if (with_person) message.allow_interaction();
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
      with_person ? std::max(timeout_usec, kPersonUsec) : timeout_usec);
  loop_->run_until([&] { return answer.has_value(); });
  if (!*answer) {
    const bool agent = std::string_view(destination) == names::kAgentBus;
    return agent_error(answer->error(), agent ? names::kAgentUnit : names::kPeerUnit);
  }
  return std::move(*answer);
}

Result<Json> AgentClient::ask_agent(const std::string& method,
                                    const std::function<void(BusMessage&)>& fill,
                                    std::uint64_t timeout_usec) {
  return ask(names::kAgentBus, names::kAgentPath, method, fill, timeout_usec);
}

Result<Json> AgentClient::ask_peers(const std::string& method,
                                    const std::function<void(BusMessage&)>& fill) {
  return ask(names::kPeersBus, names::kPeersPath, method, fill);
}

// A signal only says "look again". One that comes while `look` is asking is not lost: it sets
// `dirty`, and `look` is called once more.
std::optional<int> AgentClient::follow(const char* destination, std::uint64_t timeout_usec,
                                       const std::function<std::optional<int>()>& look) {
  const std::string name = destination;
  bool dirty = false;
  bool over = false;
  const auto wake = [&](const BusMessage&) { dirty = true; };
  const auto changed = bus_->match("type='signal',interface='" + name + "'", "", wake);
  const auto owner = bus_->match(
      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + name + "'",
      "sss", wake);
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

std::optional<int> AgentClient::follow_status(
    std::uint64_t timeout_usec, const std::function<std::optional<int>(const Json&)>& look,
    std::string* absence) {
  return follow_agent(timeout_usec, [&]() -> std::optional<int> {
    const auto status = ask_agent("GetStatus");
    const bool away = !status && status.error().reason() == "AgentUnreachable";
    if (absence != nullptr) *absence = away ? status.error().message() : "";
    if (away) return std::nullopt;  // its coming wakes us
    return status ? look(*status) : report(status.error());
  });
}

std::optional<int> AgentClient::follow_peers(const std::function<std::optional<int>()>& look) {
  return follow(names::kPeersBus, 0, look);
}

}  // namespace klubster
