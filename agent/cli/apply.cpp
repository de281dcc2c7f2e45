// klubster apply
#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/guarded_call.h"
#include "cli/plan.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

struct ApplyOptions {
  std::uint64_t if_generation = 0;
  std::string until;
  bool allow_destroy = false;
  bool allow_downgrade = false;
  bool dry_run = false;
  bool wait = false;
};

// What became of it, once nothing moves any more; nothing while it goes on. Who waits for peers is
// not at its end, and nothing is wrong either.
std::optional<int> outcome_of(const Json& status) {
  if (!status.get("applying").is_null()) return std::nullopt;
  if (status.items("problems").empty()) {
    return status.bool_or("ready") ? std::optional(kExitDone) : std::nullopt;
  }
  Look look = look_of_stdout();
  look.colour = false;
  std::cerr << status_text(status, look);
  return kExitFailed;
}

int see_through(AgentClient& client, const ApplyOptions& options) {
  const auto code = client.follow_status(0, [&](const Json& status) {
    // After a part there is no "ready" to wait for.
    const bool over = !options.until.empty() && status.get("applying").is_null() &&
                      status.items("problems").empty();
    return over ? std::optional(kExitDone) : outcome_of(status);
  });
  return code.value_or(kExitFailed);
}

// What failed is tried again all the same.
void tell_refused_tree(AgentClient& client) {
  const auto status = client.ask_agent("GetStatus");
  if (!status) return;
  const auto refused = [](const Json& condition) {
    return condition.text_or("type") == "ConfigValid" && condition.text_or("status") == "False";
  };
  if (std::ranges::none_of(status->items("conditions"), refused)) return;
  std::cerr << "note: the config tree has mistakes, so nothing of it is applied; to see them: "
               "klubster config check\n";
}

int run(const ApplyOptions& options) {
  if (options.dry_run) return show_plan(false, true);
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto accepted = client->ask_agent("Apply", [&](BusMessage& message) {
    add_options(message, {{"if-generation", options.if_generation},
                          {"until", options.until},
                          {"allow-destroy", options.allow_destroy},
                          {"allow-downgrade", options.allow_downgrade}});
  });
  if (!accepted) return report(accepted.error());
  if (options.wait) return see_through(*client, options);
  tell_refused_tree(*client);
  std::cerr << "accepted; to see it through: klubster wait --for=Ready\n";
  return kExitDone;
}

}  // namespace

Action declare_apply(Arguments& arguments) {
  const auto options = std::make_shared<ApplyOptions>();
  declare_if_generation(arguments, &options->if_generation);
  arguments.option("--until", &options->until, "STEP",
                   "Begin no step after STEP (PHASE/ID, as klubster plan shows them)");
  arguments.flag("--allow-destroy", &options->allow_destroy,
                 "Undo steps that the profile or the config no longer has");
  arguments.flag("--allow-downgrade", &options->allow_downgrade,
                 "Take the assigned profile although a newer one of its key was here");
  arguments.flag("--dry-run", &options->dry_run, "The same as klubster plan");
  arguments.flag("--wait", &options->wait,
                 "Return when the node is ready (0), or when nothing moves and something is "
                 "wrong (1)");
  return [options] { return run(*options); };
}

}  // namespace klubster
