// What a plan says of each step.
#include "engine/step_outlook.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

constexpr const char* kBoot = "boot";

Json parts(const std::string& input, const std::string& files, const std::string& definition = "d",
           const std::string& path = "p") {
  return Json::Object{{"definition", definition},
                      {"files", files},
                      {"path", path},
                      {"inputs", Json::Object{{"A", input}}}};
}

// A node whose two steps are done: a task and a service that runs.
struct Node {
  Plan present = plan_of({task("one"), service("two", {"one"})});
  NodeState state;
  Decision decision;
  std::map<std::string, NeedView> needs;

  Node() {
    state.boot = kBoot;
    for (auto& step : present.steps) {
      step.parts = parts("a", "f");
      SubjectState& past = state.subjects[step.subject];
      past.done_fingerprint = past.last_fingerprint = step.fingerprint;
      past.done_boot = kBoot;
      past.done_parts = step.parts;
    }
    OpenRun run;
    run.unit = "klubster-server-two.service";
    run.fingerprint = present.steps[1].fingerprint;
    run.boot = kBoot;
    state.subjects["server/two"].run = run;
  }
  void see(const std::string& subject, StepProgress progress, std::string message) {
    StepView view;
    view.subject = subject;
    view.progress = progress;
    view.message = std::move(message);
    decision.views.push_back(std::move(view));
  }
  std::vector<StepOutlook> toward(const Plan& target) const {
    return outlook({target, &present, state, decision, needs});
  }
  std::vector<StepOutlook> now() const { return toward(present); }
};

std::string told(const StepOutlook& item) {
  return item.subject + " " + std::string(to_string(item.action)) +
         (item.why.empty() ? "" : ": " + item.why);
}
std::vector<std::string> told(const std::vector<StepOutlook>& items) {
  std::vector<std::string> lines;
  for (const auto& item : items)
    lines.push_back(told(item));
  return lines;
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what is where it should be is kept", "[outlook]") {
  const Node node;
  CHECK(told(node.now()) == Lines{"server/one keep", "server/two keep"});
  for (const auto& item : node.now())
    CHECK_FALSE(item.differs());
}

TEST_CASE("a changed step says which of its parts changed", "[outlook]") {
  const Node node;
  Plan target = node.present;
  for (auto& step : target.steps)
    step.fingerprint += "!";
  target.steps[0].parts = parts("b", "g");
  target.steps[1].parts = parts("a", "f", "e", "q");
  CHECK(told(node.toward(target)) ==
        Lines{"server/one run: input A changed; its files changed",
              "server/two restart: its definition changed; the path of its tools changed"});

  target.steps[0].parts["inputs"] = Json::Object{{"B", "x"}, {"C", "y"}};
  target.steps[0].parts["files"] = "f";
  CHECK(node.toward(target)[0].why == "inputs B and C are new; input A is gone");
}

TEST_CASE("of a success that an older klubster recorded it is not known what changed",
          "[outlook]") {
  Node node;
  node.state.subjects["server/one"].done_parts = Json();
  Plan target = node.present;
  target.steps[0].fingerprint = "other";
  CHECK(node.toward(target)[0].why == "definition, inputs or files changed");
}

TEST_CASE("a first plan runs and starts what never succeeded", "[outlook]") {
  Node node;
  node.state.subjects.clear();
  const auto items = outlook({node.present, nullptr, node.state, node.decision, node.needs});
  CHECK(told(items) ==
        Lines{"server/one run: never succeeded", "server/two start: never succeeded"});
}

TEST_CASE("what failed says how often and with what", "[outlook]") {
  Node node;
  SubjectState& one = node.state.subjects["server/one"];
  one.done_fingerprint.clear();
  one.done_parts = Json();
  one.reason = "ExitCode";
  one.message = "ended with exit code 7";
  one.attempts = 3;
  CHECK(node.now()[0].why == "never succeeded; failed 3 times: ended with exit code 7");
  one.attempts = 0;
  one.message = "stopped because the node leaves";
  CHECK(node.now()[0].why == "never succeeded; stopped because the node leaves");
  one.needs_person = true;
  CHECK(node.now()[0].why == "never succeeded; was cut off, and does not run again by itself");
}

TEST_CASE("a service that is down is started, also after a reboot", "[outlook]") {
  Node node;
  node.state.subjects["server/two"].run.reset();
  CHECK(told(node.now())[1] == "server/two start: not running");
  Node rebooted;
  rebooted.state.boot = "next";
  CHECK(told(rebooted.now()) == Lines{"server/one keep", "server/two start: not running"});
}

TEST_CASE("a service that is not ready yet is told so", "[outlook]") {
  Node node;
  node.state.subjects["server/two"].done_boot = "before";
  CHECK(told(node.now())[1] == "server/two start: not ready yet");
}

TEST_CASE("drift is told; only with repair it runs again", "[outlook]") {
  Node node;
  node.state.subjects["server/one"].drift = "its check fails";
  auto item = node.now()[0];
  CHECK(told(item) ==
        "server/one keep: drifted: its check fails; apply/drift = repair would run it again");
  CHECK((item.drifted && item.differs()));

  node.present.repair = true;
  node.state.subjects["server/one"].done_fingerprint.clear();  // as the event of a repair does
  CHECK(told(node.now()[0]) == "server/one run: drifted: its check fails");
}

TEST_CASE("a step that waits says for what", "[outlook]") {
  Node node;
  SubjectState& one = node.state.subjects["server/one"];
  one.done_fingerprint.clear();
  one.done_parts = Json();
  node.see("server/one", StepProgress::kWaiting, "the machine's hostname to become n1");
  CHECK(told(node.now()[0]) == "server/one wait: for the machine's hostname to become n1");

  Plan target = node.present;
  target.steps[0].spec.needs = {{"server", "Ready", "any"}, {"stack", "Ready", "all"}};
  CHECK(told(node.toward(target)[0]) ==
        "server/one wait: for server Ready at any peer and stack Ready at all peers");
  node.needs["server/one"] = {false, "server Ready at n1", "", ""};
  CHECK(told(node.toward(target)[0]) == "server/one wait: for server Ready at n1");
  node.needs["server/one"].satisfied = true;
  target.steps[0].fingerprint.clear();
  target.steps[0].waits = {"TOKEN"};
  CHECK(told(node.toward(target)[0]) == "server/one wait: for facts of its peers: TOKEN");
}

TEST_CASE("what once succeeded does not wait for its peers again", "[outlook]") {
  Node node;
  node.present.steps[0].spec.needs = {{"server", "Ready", "any"}};
  node.needs["server/one"] = {false, "server Ready at n1", "", ""};
  CHECK(told(node.now()[0]) == "server/one keep");
}

TEST_CASE("a step whose when does not hold is skipped, or undone when it had run", "[outlook]") {
  Node node;
  Plan target = node.present;
  target.steps[0].skipped = target.steps[1].skipped = true;
  target.steps[0].spec.when_input = target.steps[1].spec.when_input = "FEATURE";
  target.steps[0].spec.when_is = target.steps[1].spec.when_is = "true";
  CHECK(told(node.toward(target)) ==
        Lines{"server/one skip: when does not hold: FEATURE is not `true`",
              "server/two undo: when does not hold: FEATURE is not `true`; needs --allow-destroy"});
  target.allow_destroy = true;
  CHECK_FALSE(node.toward(target)[1].needs_permission);
}

TEST_CASE("what vanished is undone last first, and only with leave", "[outlook]") {
  Node node;
  node.present.steps[0].spec.undo.run = {"/opt/undo"};
  node.state.subjects["server/one"].owes_undo = true;
  Plan target = plan_of({task("three")});
  CHECK(told(node.toward(target)) ==
        Lines{"server/three run: never succeeded",
              "server/two undo: no longer in the profile; needs --allow-destroy",
              "server/one undo: no longer in the profile; needs --allow-destroy"});
  target.allow_destroy = true;
  target.phases = {"agent"};
  const auto items = node.toward(target);
  CHECK(told(items[1]) == "server/two undo: server is no longer a mode of this node");
  CHECK_FALSE(items[1].needs_permission);
}

TEST_CASE("what vanished and left nothing behind needs no leave", "[outlook]") {
  Node node;
  node.state.subjects["server/two"].run.reset();
  const auto items = node.toward(plan_of({}));
  CHECK(told(items) ==
        Lines{"server/two skip: no longer in the profile; there is nothing to undo",
              "server/one skip: no longer in the profile; there is nothing to undo"});
  CHECK_FALSE((items[0].differs() || items[1].differs()));
}

TEST_CASE("a node that leaves undoes what is not undone yet, last first", "[outlook]") {
  Node node;
  node.state.leaving = true;
  node.see("server/one", StepProgress::kPending, "later steps are undone first");
  node.see("server/two", StepProgress::kUndoing, "");
  CHECK(told(node.now()) == Lines{"server/two undo: this node leaves its cluster",
                                  "server/one undo: this node leaves its cluster"});
}

TEST_CASE("what a step last succeeded with is kept in the log, by run and by check",
          "[outlook][engine]") {
  EngineWorld world(plan_of({task("by-run"), task("by-check")}));
  Plan plan = plan_of({task("by-run"), task("by-check")});
  plan.steps[0].parts = parts("a", "f");
  plan.steps[1].parts = parts("b", "g");
  plan.steps[1].spec.check.run = {"/opt/is-done"};
  world.use(plan);
  world.finish(world.unit_of("server/by-run"), 0);
  world.finish("klubster-check-server-by-check.service", 0);

  const NodeState& state = world.shell->state();
  CHECK(state.subject("server/by-run").done_parts == plan.steps[0].parts);
  CHECK(state.subject("server/by-check").done_parts == plan.steps[1].parts);
}
