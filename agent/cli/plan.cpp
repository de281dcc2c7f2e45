// klubster plan
#include "cli/plan.h"

#include <iostream>
#include <memory>

#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace klubster {

int show_plan(bool json, bool ask) {
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  auto plan = client->ask_agent(ask ? "Plan" : "GetPlan");
  if (ask && !plan && plan.error().reason() == "AccessDenied") {
    std::cerr << "klubster: only root, or whom polkit allows it, may have checks asked again\n";
    plan = client->ask_agent("GetPlan");
  }
  if (!plan) return report(plan.error());
  std::cout << (json ? plan->pretty() + "\n" : plan_text(*plan, look_of_stdout()));
  const Json& obstacle = plan->get("cannot");
  if (!obstacle.is_null()) return obstacle.bool_or("mend") ? kExitFixInput : kExitFailed;
  return plan->bool_or("changes") ? kExitChanges : kExitDone;
}

Action declare_plan(Arguments& arguments) {
  const auto json = std::make_shared<bool>(false);
  const auto no_check = std::make_shared<bool>(false);
  arguments.flag("--json", json.get(), "Print JSON");
  arguments.flag("--no-check", no_check.get(),
                 "What is known at once: neither read the tree nor ask the checks of done steps");
  return [json, no_check] { return show_plan(*json, !*no_check); };
}

}  // namespace klubster
