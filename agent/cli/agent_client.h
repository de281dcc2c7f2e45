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
  // A call that waits longer than `timeout_usec` ends as that, too.
  Result<Json> ask_agent(const std::string& method,
                         const std::function<void(BusMessage&)>& fill = nullptr,
                         std::uint64_t timeout_usec = kCallUsec);
  Result<Json> ask_peers(const std::string& method,
                         const std::function<void(BusMessage&)>& fill = nullptr);

  // Calls `look` now, at each signal of klubsterd and when it comes or goes, until it gives an exit
  // code. After `timeout_usec` (0: never) the answer is nothing.
  std::optional<int> follow_agent(std::uint64_t timeout_usec,
                                  const std::function<std::optional<int>()>& look);
  // The same with what klubsterd says of itself. While it is not there (not up yet, or being
  // restarted) `look` is not called, and `absence` says why; it is empty once there is an answer.
  std::optional<int> follow_status(std::uint64_t timeout_usec,
                                   const std::function<std::optional<int>(const Json&)>& look,
                                   std::string* absence = nullptr);
  std::optional<int> follow_peers(const std::function<std::optional<int>()>& look);

 private:
  AgentClient(EventLoop loop) : loop_(std::make_unique<EventLoop>(std::move(loop))) {}
  // Most calls answer when they have been accepted, so a minute is long.
  static constexpr std::uint64_t kCallUsec = 60'000'000;
  Result<Json> ask(const char* destination, const char* path, const std::string& method,
                   const std::function<void(BusMessage&)>& fill,
                   std::uint64_t timeout_usec = kCallUsec);
  std::optional<int> follow(const char* destination, std::uint64_t timeout_usec,
                            const std::function<std::optional<int>()>& look);

  std::unique_ptr<EventLoop> loop_;  // its address must not change: the bus refers to it
  std::unique_ptr<Bus> bus_;
};

// What --timeout says, for follow_status(). kInvalid, reason Usage, for what is no duration, and
// for 0, which would mean for ever.
Result<std::uint64_t> parse_timeout(const std::string& given);

// What a D-Bus error of a daemon means to a person at the command line.
Error agent_error(const Error& from_bus, std::string_view daemon_unit);

}  // namespace klubster
