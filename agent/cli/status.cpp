// klubster status
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

struct StatusOptions {
  bool json = false;
  bool watch = false;
  bool exit_code = false;
  bool resources = false;
};

int code_of(const Json& status) {
  if (status.bool_or("ready")) return kExitDone;
  return status.items("problems").empty() ? kExitTryAgain : kExitFailed;
}

void show(const Json& status, const StatusOptions& options) {
  const Look look = look_of_stdout();
  if (options.json) {
    std::cout << (options.watch ? status.dump() : status.pretty()) << "\n";
  } else {
    if (options.watch && look.colour) std::cout << "\033[H\033[2J";
    std::cout << (options.resources ? resources_text(status, look) : status_text(status, look));
  }
  std::cout.flush();
}

int run(const StatusOptions& options) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  if (!options.watch) {
    const auto status = client->ask_agent("GetStatus");
    if (!status) return report(status.error());
    show(*status, options);
    return options.exit_code ? code_of(*status) : kExitDone;
  }
  // Until Ctrl-C; an agent that is being restarted is said and waited for.
  return client
      ->follow_agent(0,
                     [&]() -> std::optional<int> {
                       const auto status = client->ask_agent("GetStatus");
                       if (status) {
                         show(*status, options);
                       } else {
                         (void)report(status.error());  // the watch goes on
                       }
                       return std::nullopt;
                     })
      .value_or(kExitDone);
}

}  // namespace

Action declare_status(Arguments& arguments) {
  const auto options = std::make_shared<StatusOptions>();
  arguments.flag("--json", &options->json, "Print JSON");
  arguments.flag("--watch", &options->watch, "Print it again at each change, until Ctrl-C");
  arguments.flag("--resources", &options->resources,
                 "Show what each step and each worker cost instead");
  arguments.flag("--exit-code", &options->exit_code,
                 "Exit with 0 when ready, 75 when on the way, 1 when there is a problem");
  return [options] { return run(*options); };
}

}  // namespace klubster
