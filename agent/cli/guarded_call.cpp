// Options of a guard, and the call that has nothing else.
#include "cli/guarded_call.h"

#include <iostream>

#include "cli/agent_client.h"
#include "cli/exit_code.h"

namespace klubster {

void declare_if_generation(Arguments& arguments, std::uint64_t* into) {
  arguments.number("--if-generation", into, "N",
                   "Only when the present generation is N; else exit with 4");
}

void declare_guard(Arguments& arguments, GuardOptions* into) {
  arguments.flag("--interrupt", &into->interrupt, "Also while somebody's apply is under way");
  declare_if_generation(arguments, &into->if_generation);
}

std::vector<MethodOption> guarded(std::vector<MethodOption> own, const GuardOptions& guard) {
  own.push_back({"interrupt", guard.interrupt});
  own.push_back({"if-generation", guard.if_generation});
  return own;
}

int call_guarded(const std::string& method, std::vector<MethodOption> own,
                 const GuardOptions& guard, const std::string& what_next) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto options = guarded(std::move(own), guard);
  const auto accepted =
      client->ask_agent(method, [&](BusMessage& message) { add_options(message, options); });
  if (!accepted) return report(accepted.error());
  std::cerr << "accepted; " << what_next << "\n";
  return kExitDone;
}

}  // namespace klubster
