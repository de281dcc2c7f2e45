// klubster profile gc
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/sealed_profiles.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

// It may wait for a package to be unpacked, and then walk over large trees.
constexpr std::uint64_t kCollectUsec = 1200'000'000;

struct ProfileGcOptions {
  bool dry_run = false;
  bool json = false;
};

int run(const ProfileGcOptions& options) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto answer = client->ask_agent(
      "CollectGarbage", [&](BusMessage& message) { message.add_bool(options.dry_run); },
      kCollectUsec);
  if (!answer) return report(answer.error());
  if (options.json) {
    std::cout << answer->pretty() << "\n";
  } else {
    const auto uses = uses_by_agent();
    std::cout << garbage_text(*answer, uses ? uses->take() : ProfileUses().take(),
                              look_of_stdout());
  }
  return answer->items("left").empty() ? kExitDone : kExitFailed;
}

}  // namespace

Action declare_profile_gc(Arguments& arguments) {
  const auto options = std::make_shared<ProfileGcOptions>();
  arguments.flag("--dry-run", &options->dry_run, "Only show what would go");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
