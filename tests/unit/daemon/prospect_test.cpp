// `klubster plan` as a whole.
#include "daemon/prospect.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// A node whose only step is done.
struct DoneNode {
  NodeConfig config;
  NodeState state;
  std::optional<Plan> plan;
  Decision decision;
  AcquireDecision acquisition;
  std::map<std::string, Error> problems;
  std::map<std::string, NeedView> needs;
  std::string damage;

  DoneNode() {
    config.config_hash = "abc";
    state.generation = GenerationFacts{3, "abc", "", "sha", "p", "1", ""};
    Step step;
    step.subject = "server/one";
    step.phase = "server";
    step.spec.id = "one";
    step.fingerprint = "f";
    Plan made;
    made.phases = {"server"};
    made.steps = {step};
    plan = made;
    state.subjects["server/one"].done_fingerprint = "f";
  }
  Prospect prospect() const {
    Prospect made{{config, state, plan, decision, acquisition, problems, damage}, needs};
    made.target = &*plan;
    return made;
  }
};

}  // namespace

TEST_CASE("nothing to do is no change, a changed fingerprint is one", "[prospect]") {
  DoneNode node;
  const Json calm = plan_json(node.prospect());
  CHECK_FALSE(calm.bool_or("changes", true));
  CHECK(calm.get("cannot").is_null());
  CHECK(calm.get("next").is_null());
  CHECK(calm.dump() == plan_json(node.prospect()).dump());

  node.plan->steps[0].fingerprint = "g";
  const Json plan = plan_json(node.prospect());
  CHECK(plan.bool_or("changes"));
  CHECK(plan.items("steps")[0].text_or("action") == "run");
}

TEST_CASE("a generation that would be made is a change, although each step is kept", "[prospect]") {
  const DoneNode node;
  Prospect prospect = node.prospect();
  prospect.pending = true;
  prospect.next = GenerationFacts{4, "", "", "other", "p", "2", ""};
  const Json plan = plan_json(prospect);
  CHECK(plan.bool_or("changes"));
  CHECK(plan.items("steps")[0].text_or("action") == "keep");
  CHECK(plan.get("next").integer_or("generation") == 4);
  CHECK(plan.get("next").get("profile").text_or("version") == "2");
}

TEST_CASE("who has to mend something is told apart from who has to wait", "[prospect]") {
  const DoneNode node;
  Prospect prospect = node.prospect();
  prospect.target = nullptr;
  prospect.obstacle = Error(ErrorKind::kUnavailable, "InProgress", "fetching the package");
  CHECK_FALSE(plan_json(prospect).get("cannot").bool_or("mend", true));
  CHECK(plan_json(prospect).items("steps").empty());
  prospect.obstacle = Error(ErrorKind::kInvalid, "InputMissing", "A: create inputs/A");
  const Json plan = plan_json(prospect);
  CHECK(plan.get("cannot").bool_or("mend"));
  CHECK_FALSE(plan.get("cannot").text_or("next").empty());
}
