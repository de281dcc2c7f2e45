// klubster boot check: what klubster-boot-check.service runs before boot-complete.target.
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

namespace klubster {

namespace {

struct BootCheckOptions {
  // Longer than the agent takes to judge, so that it is the agent who says why.
  std::string timeout = "15m";
};

Error not_good(const std::string& why) {
  return Error(ErrorKind::kIo, "BootNotGood", "this boot is not good: " + why);
}

int run(const BootCheckOptions& options) {
  const auto timeout = parse_timeout(options.timeout);
  if (!timeout) return report(timeout.error());
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  std::string reason = "klubsterd has not answered";
  std::string absence;
  const auto look = [&](const Json& status) -> std::optional<int> {
    const Json& boot = status.get("boot");
    const std::string verdict = boot.text_or("verdict");
    reason = printable(boot.text_or("verdictReason"), 1000);
    if (verdict == "bad") return report(not_good(reason));
    if (verdict != "good") return std::nullopt;
    std::cout << "this boot is good: " << reason << "\n";
    return kExitDone;
  };
  if (const auto code = client->follow_status(*timeout, look, &absence)) return *code;
  return report(not_good("after " + options.timeout +
                         " it is not judged: " + (absence.empty() ? reason : absence)));
}

}  // namespace

Action declare_boot_check(Arguments& arguments) {
  const auto options = std::make_shared<BootCheckOptions>();
  arguments.option("--timeout", &options->timeout, "DURATION", "How long at most (default 15m)");
  return [options] { return run(*options); };
}

}  // namespace klubster
