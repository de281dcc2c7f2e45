// klubster apply
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

int run(std::uint64_t if_generation) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto accepted =
      client->ask_agent("Apply", [&](BusMessage& message) { message.add_uint64(if_generation); });
  if (!accepted) return report(accepted.error());
  std::cerr << "accepted; to see it through: klubster wait --for=Ready\n";
  return kExitDone;
}

}  // namespace

Action declare_apply(Arguments& arguments) {
  const auto generation = std::make_shared<std::uint64_t>(0);
  arguments.number("--if-generation", generation.get(), "N",
                   "Only when the present generation is N; else exit with 4");
  return [generation] { return run(*generation); };
}

}  // namespace klubster
