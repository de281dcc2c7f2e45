// klubster wait
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

struct Options {
  std::string wanted = "Ready";
  std::string timeout = "10m";
};

// What stood in the way when the time was over.
void tell_what_is_missing(const Json& status) {
  if (status.is_null()) return;
  Look look = look_of_stdout();
  look.colour = false;
  std::cerr << status_text(status, look);
}

int run(const Options& options) {
  const auto timeout = parse_duration_usec(options.timeout);
  if (!timeout || *timeout == 0) {
    return report(Error(ErrorKind::kInvalid, "Usage",
                        "--timeout: expected a duration such as 90s or 10m, found `" +
                            printable(options.timeout, 40) + "`"));
  }
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  Json last;
  std::string absence;
  const auto code = client->follow_agent(*timeout, [&]() -> std::optional<int> {
    auto status = client->ask_agent("GetStatus");
    if (!status) {
      // Not up yet, or being restarted: its coming wakes us.
      if (status.error().reason() != "AgentUnreachable") return report(status.error());
      absence = status.error().message();
      return std::nullopt;
    }
    absence.clear();
    last = std::move(*status);
    return condition_holds(last, options.wanted) ? std::optional(kExitDone) : std::nullopt;
  });
  if (code) return *code;
  tell_what_is_missing(last);
  std::string message = "after " + options.timeout + ", " + options.wanted + " does not hold";
  if (!absence.empty()) message += ": " + absence;
  return report(Error(ErrorKind::kTimeout, "TimedOut", message).hint("klubster status"));
}

}  // namespace

Action declare_wait(Arguments& arguments) {
  const auto options = std::make_shared<Options>();
  arguments.option("--for", &options->wanted, "CONDITION[/PHASE]",
                   "What to wait for: Ready (the whole node), Ready/server, ...");
  arguments.option("--timeout", &options->timeout, "DURATION", "How long at most (default 10m)");
  return [options] { return run(*options); };
}

}  // namespace klubster
