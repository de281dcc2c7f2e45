// klubster plan
#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

namespace {

int run(bool json) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  const auto plan = client->ask_agent("GetPlan");
  if (!plan) return report(plan.error());
  std::cout << (json ? plan->pretty() + "\n" : plan_text(*plan, look_of_stdout()));
  if (plan->bool_or("changes")) return kExitChanges;
  return plan->items("problems").empty() ? kExitDone : kExitFixInput;
}

}  // namespace

Action declare_plan(Arguments& arguments) {
  const auto json = std::make_shared<bool>(false);
  arguments.flag("--json", json.get(), "Print JSON");
  return [json] { return run(*json); };
}

}  // namespace klubster
