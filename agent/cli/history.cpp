// klubster history
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

constexpr std::uint64_t kMaxLimit = 10'000;

struct Options {
  std::uint64_t since = 0;
  std::uint64_t limit = 1000;
  bool json = false;
};

int run(const Options& options) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto limit = static_cast<std::uint32_t>(std::min(options.limit, kMaxLimit));
  const auto history = client->ask_agent("GetHistory", [&](BusMessage& message) {
    message.add_uint64(options.since).add_uint32(limit);
  });
  if (!history) return report(history.error());
  std::cout << (options.json ? history->pretty() + "\n" : history_text(*history, look_of_stdout()));
  return kExitDone;
}

}  // namespace

Action declare_history(Arguments& arguments) {
  const auto options = std::make_shared<Options>();
  arguments.number("--since", &options->since, "N", "Only events after number N");
  arguments.number("--limit", &options->limit, "N", "At most N events (default 1000)");
  arguments.flag("--json", &options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace klubster
