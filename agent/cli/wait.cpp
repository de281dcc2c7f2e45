// klubster wait
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

struct WaitOptions {
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

int run(const WaitOptions& options) {
  const auto timeout = parse_timeout(options.timeout);
  if (!timeout) return report(timeout.error());
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  Json last;
  std::string absence;
  const auto look = [&](const Json& status) {
    last = status;
    return condition_holds(status, options.wanted) ? std::optional(kExitDone) : std::nullopt;
  };
  const auto code = client->follow_status(*timeout, look, &absence);
  if (code) return *code;
  tell_what_is_missing(last);
  std::string message = "after " + options.timeout + ", " + options.wanted + " does not hold";
  if (!absence.empty()) message += ": " + absence;
  return report(Error(ErrorKind::kTimeout, "TimedOut", message).hint("klubster status"));
}

}  // namespace

Action declare_wait(Arguments& arguments) {
  const auto options = std::make_shared<WaitOptions>();
  arguments.option("--for", &options->wanted, "CONDITION[/PHASE]",
                   "What to wait for: Ready (the whole node), Ready/server, ...");
  arguments.option("--timeout", &options->timeout, "DURATION", "How long at most (default 10m)");
  return [options] { return run(*options); };
}

}  // namespace klubster
