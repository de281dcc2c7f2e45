// What Core asks and what it is told.
#include "core/questions.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// The answers that Core gets when it asks these, in this order; "!" where it gets none.
std::string told(Interview& interview, const std::vector<std::string>& asked) {
  std::string answers;
  for (const auto& question : asked) {
    const Question* known = interview.asked(question);
    answers += (answers.empty() ? "" : "|") + (known == nullptr ? "!" : known->answer);
  }
  return answers;
}

CoreAnswers answers() {
  CoreAnswers made;
  made.server_url = "https://10.0.0.1:6443";
  made.token = "secret";
  made.base_domain = "lab";
  made.rancher_host = "rancher.lab";
  made.rancher_password = "pass";
  made.registry_host = "registry.lab";
  return made;
}

const std::vector<std::string> kMissing = {
    "Longhorn is missing. Install it now? [optional]",
    "Rancher is missing. Install it now? [optional]",
    "The in-cluster registry is missing. Install it now? [optional]",
    "cert-manager is missing. Install it now? [required for TLS-dependent installs]"};

}  // namespace

TEST_CASE("a question is what stands before its default", "[questions]") {
  CHECK(question_in("Agent server URL [https://server.example.local:6443]: ") ==
        "Agent server URL");
  CHECK(question_in("k3s was not detected. Install it now? [required] [y] (y/n): ") ==
        "k3s was not detected. Install it now? [required]");
  CHECK(question_in("Type CLEAN to continue: ") == "Type CLEAN to continue");
  CHECK(question_in("\x1b[0;32mChoose TLS mode (1/2) [2]: ") == "Choose TLS mode (1/2)");
  CHECK_FALSE(question_in("[INFO] Waiting for k3s").has_value());
  CHECK_FALSE(question_in("").has_value());
}

TEST_CASE("each mode is answered in Core's own order", "[questions]") {
  Interview server(questions_of(CoreGeneration::kApply, "server", answers()));
  CHECK(told(server, {"k3s was not detected. Install it now? [required]",
                      "Helm was not detected. Install it now? [required]",
                      "Proceed with this plan?"}) == "y|y|y");
  CHECK(server.over());

  Interview agent(questions_of(CoreGeneration::kApply, "agent", answers()));
  CHECK(told(agent, {"k3s agent was not detected. Install it now? [required]", "Agent server URL",
                     "Agent cluster token", "Proceed with this plan?"}) ==
        "y|https://10.0.0.1:6443|secret|y");

  Interview stack(questions_of(CoreGeneration::kApply, "stack", answers()));
  CHECK(told(stack, kMissing) == "y|y|y|y");
  CHECK(
      told(stack, {"Base domain (used to build hostnames)", "Choose TLS mode (1/2)",
                   "Longhorn data mount path", "Longhorn default replica count (1 for single-node)",
                   "Make Longhorn the default StorageClass?", "Rancher hostname (DNS name)",
                   "Rancher bootstrap password", "Registry hostname (DNS name)",
                   "Registry PVC size", "Registry StorageClass (blank uses cluster default)",
                   "Do you want to enable basic auth on the in-cluster registry?",
                   "Proceed with this plan?"}) ==
      "lab|2|/data|1|y|rancher.lab|pass|registry.lab|20Gi||n|y");
}

TEST_CASE("0.9.4 asks in another order, and goes on asking while it installs", "[questions]") {
  Interview stack(questions_of(CoreGeneration::kBootstrap, "stack", answers()));
  CHECK(told(stack, kMissing) == "y|y|y|y");
  CHECK(stack.asked("Enable and start 'iscsid' now?") == nullptr);  // not before the plan
  CHECK(told(stack, {"Base domain (used to build hostnames)", "Rancher hostname (DNS name)",
                     "Rancher bootstrap password", "Registry hostname (DNS name)",
                     "Choose TLS mode (1/2)", "Longhorn data mount path",
                     "Proceed with this plan?"}) == "lab|rancher.lab|pass|registry.lab|2|/data|y");
  CHECK(told(stack, {"ClusterIssuer 'selfsigned' is missing. Create it now?",
                     "Enable and start 'iscsid' now?",
                     "Install the missing packages for longhorn?"}) == "y|y|y");
}

TEST_CASE("what is present is left unchanged, and nothing more is asked", "[questions]") {
  Interview stack(questions_of(CoreGeneration::kApply, "stack", answers()));
  CHECK(told(stack, {"Longhorn is already present. Leave it unchanged and continue? [optional]",
                     "Rancher is already present. Leave it unchanged and continue? [optional]",
                     "The in-cluster registry is already present. Leave it unchanged and continue? "
                     "[optional]",
                     "Proceed with this plan?"}) == "y|y|y|y");
}

TEST_CASE("what is not expected, or not now, is not answered", "[questions]") {
  Interview agent(questions_of(CoreGeneration::kApply, "agent", answers()));
  CHECK(agent.asked("Is it all right to format /dev/sda?") == nullptr);
  CHECK(agent.asked("Agent cluster token") != nullptr);
  CHECK(agent.asked("Agent server URL") == nullptr);  // it stands before the token
  CHECK(agent.unasked() == "Proceed with this plan?");
  CHECK(agent.asked("Proceed with this plan?") != nullptr);
  CHECK(agent.unasked().empty());
  CHECK(agent.asked("Proceed with this plan?") == nullptr);
}
