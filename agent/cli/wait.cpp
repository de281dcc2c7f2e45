// klubster wait
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"
#include "model/profile.h"
#include "model/profile_names.h"

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

// A word that no condition can have would be waited for until the time is over.
Status check_wanted(const std::string& wanted) {
  const auto slash = wanted.find('/');
  const bool phase = slash == std::string::npos || is_mode(wanted.substr(slash + 1));
  if (phase && is_condition(wanted.substr(0, slash))) return {};
  return Error(ErrorKind::kInvalid, "Usage",
               "--for: expected a condition such as Ready, or one of a phase such as "
               "Ready/server, found `" +
                   printable(wanted, 80) + "`");
}

// For a condition that the node does not have at all: those that it has.
std::string absence_of(const std::string& wanted, const Json& status) {
  std::vector<std::string> names = {"Ready"};
  for (const auto& condition : status.items("conditions")) {
    const std::string phase = condition.text_or("phase");
    names.push_back(condition.text_or("type") + (phase.empty() ? "" : "/" + phase));
  }
  if (status.is_null() || contains(names, wanted)) return "";
  const auto meant = nearest(wanted, names);
  return ": this node has no such condition" + (meant ? " (did you mean " + *meant + "?)" : "");
}

int run(const WaitOptions& options) {
  if (auto known = check_wanted(options.wanted); !known) return report(known.error());
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
  message += absence.empty() ? absence_of(options.wanted, last) : ": " + absence;
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
