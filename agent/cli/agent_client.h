// Calls to the two daemons over D-Bus, and their signals.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "linux/bus.h"
#include "linux/event_loop.h"

namespace klubster {

class AgentClient {
 public:
  // kUnavailable, reason AgentUnreachable, when there is no bus. $KLUBSTER_BUS=user asks the user's
  // bus instead of the system's (tests, user managers).
  static Result<AgentClient> create();

  // A method of org.klubster.Agent1 that answers with a JSON text, or with nothing (null then).
  // AgentUnreachable (kUnavailable) when klubsterd is not there.
  Result<Json> ask_agent(const std::string& method,
                         const std::function<void(BusMessage&)>& fill = nullptr);
  Result<Json> ask_peers(const std::string& method);

  // Calls `look` now, at each signal of klubsterd and when it comes or goes, until it gives an exit
  // code. After `timeout_usec` (0: never) the answer is nothing.
  std::optional<int> follow_agent(std::uint64_t timeout_usec,
                                  const std::function<std::optional<int>()>& look);
  std::optional<int> follow_peers(const std::function<std::optional<int>()>& look);

 private:
  AgentClient(EventLoop loop) : loop_(std::make_unique<EventLoop>(std::move(loop))) {}
  Result<Json> ask(const char* destination, const char* path, const std::string& method,
                   const std::function<void(BusMessage&)>& fill);
  std::optional<int> follow(const char* destination, std::uint64_t timeout_usec,
                            const std::function<std::optional<int>()>& look);

  std::unique_ptr<EventLoop> loop_;  // its address must not change: the bus refers to it
  std::unique_ptr<Bus> bus_;
};

// What a D-Bus error of a daemon means to a person at the command line.
Error agent_error(const Error& from_bus, std::string_view daemon_unit);

}  // namespace klubster
