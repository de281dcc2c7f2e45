// klubster rollback
#include <iostream>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/consent.h"
#include "cli/exit_code.h"
#include "cli/guarded_call.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct RollbackOptions {
  std::optional<std::string> number;
  bool dry_run = false;
  bool json = false;
  bool yes = false;
  GuardOptions guard;
};

void show(const Json& answer) {
  const Json& profile = answer.get("profile");
  std::cout << (answer.bool_or("dryRun") ? "would make" : "made") << " generation "
            << answer.integer_or("generation") << " with the config and profile of generation "
            << answer.integer_or("rollbackOf") << ": " << printable(profile.text_or("name")) << " "
            << printable(profile.text_or("version")) << "\n";
  for (const auto& line : answer.items("differs")) {
    if (const auto* text = line.as_string())
      std::cout << "note: " << printable(*text, 2000) << "\n";
  }
}

int run(const RollbackOptions& options) {
  const auto number = parse_number(options.number.value_or("0"));
  if (!number || (options.number && *number == 0)) {
    return report(Error(ErrorKind::kInvalid, "Usage",
                        "expected the number of a generation, found " +
                            printable(options.number.value_or(""), 40)));
  }
  const std::string what =
      "This returns to " +
      (*number == 0 ? "the last good generation" : "generation " + std::to_string(*number)) +
      ": steps that differ run again, services that differ are stopped and started.";
  if (!options.dry_run && !is_meant(options.yes, what, "rollback")) return kExitFailed;
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto answer = client->ask_agent("Rollback", [&](BusMessage& message) {
    message.add_uint64(*number);
    add_options(message, guarded({{"dry-run", options.dry_run}}, options.guard));
  });
  if (!answer) return report(answer.error());
  if (options.json) {
    std::cout << answer->pretty() << "\n";
  } else {
    show(*answer);
  }
  if (!options.dry_run) std::cerr << "to see it through: klubster wait --for=Ready\n";
  return kExitDone;
}

}  // namespace

Action declare_rollback(Arguments& arguments) {
  const auto options = std::make_shared<RollbackOptions>();
  arguments.optional_word("N", &options->number,
                          "The generation to return to (default: the last good one)");
  arguments.flag("--dry-run", &options->dry_run, "Only say what would be made, or why not");
  arguments.flag("--json", &options->json, "Print JSON");
  arguments.flag("--yes", &options->yes, "Do not ask");
  declare_guard(arguments, &options->guard);
  return [options] { return run(*options); };
}

}  // namespace klubster
