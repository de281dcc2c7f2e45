// What the engine makes of steps that misbehave.
#include "engine/outcome.h"
#include "engine/reconcile.h"
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

Step with_output(Step step) {
  step.spec.outputs = {{"URL", true, false}};
  step.spec.retry.attempts = 2;
  return step;
}

OutputsView bad_outputs() {
  OutputsView view;
  view.reason = "BadOutputs";
  view.message = "URL was not written";
  return view;
}

}  // namespace

TEST_CASE("a service with bad outputs is stopped, tried again, and fails for good", "[engine]") {
  const bool has_probe = GENERATE(false, true);
  Step bad = with_output(service("one"));
  if (has_probe) bad.spec.ready.run = {"/bin/true"};
  EngineWorld world(plan_of({bad}));
  world.steps.outputs["server/one"] = bad_outputs();
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRetrying);
  CHECK(world.manager.units.count("klubster-server-one.service") == 0);
  world.wake();
  CHECK(world.view("server/one").progress == StepProgress::kFailed);
  CHECK(world.view("server/one").reason == "BadOutputs");
  CHECK(world.view("server/one").attempt == 2);
  CHECK(world.count("RunStarted") == 2);
  CHECK(world.manager.units.empty());
}

TEST_CASE("a check that holds without the outputs lets the step run", "[engine]") {
  Step bad = with_output(task("one"));
  bad.spec.check.run = {"/bin/true"};
  EngineWorld world(plan_of({bad}));
  world.steps.outputs["server/one"] = bad_outputs();
  world.settle();
  REQUIRE(world.view("server/one").progress == StepProgress::kRunning);
  CHECK(world.count("StepFailed") == 0);
  world.steps.outputs["server/one"] = {};  // the run wrote them
  world.finish(world.unit_of("server/one"), 0);
  CHECK(world.shell->decision().ready);
}

TEST_CASE("a reboot that a step asks for waits for the tasks that run", "[engine]") {
  Step asks = task("asks");
  asks.spec.reboot_codes = {194};
  asks.spec.check.run = {"/bin/false"};
  EngineWorld world(plan_of({asks, task("other"), task("later", {"asks"})}));
  world.settle();
  const std::string other = world.unit_of("server/other");
  world.finish(world.unit_of("server/asks"), 194);
  CHECK(world.manager.reboots == 0);
  CHECK(world.view("server/later").message == "the reboot that a step asked for");
  CHECK(world.count("StepFailed") == 0);  // its check is asked after the reboot

  world.finish(other, 0);
  CHECK(world.manager.reboots == 1);
  CHECK(world.count("RunStarted") == 2);
}

TEST_CASE("a step that asks for a reboot for ever gets as many as it has attempts", "[engine]") {
  Step asks = task("asks");
  asks.spec.reboot_codes = {194};
  asks.spec.check.run = {"/bin/false"};
  asks.spec.retry.attempts = 3;
  EngineWorld world(plan_of({asks, task("other")}));
  world.settle();
  world.finish(world.unit_of("server/other"), 0);
  for (int boot = 1; boot <= 3; ++boot) {
    INFO("boot " << boot);
    REQUIRE(world.view("server/asks").attempt == static_cast<std::uint64_t>(boot));
    world.finish(world.unit_of("server/asks"), 194);
    REQUIRE(world.manager.reboots == boot);
    world.power_cut_and_boot();
    world.wake();
  }
  CHECK(world.view("server/asks").progress == StepProgress::kFailed);
  CHECK(world.view("server/asks").reason == "CheckFailed");
  CHECK(world.manager.reboots == 3);
  CHECK(world.view("server/other").progress == StepProgress::kDone);
}

TEST_CASE("a reboot in the middle of a run consumes no attempt", "[engine]") {
  Step once = task("once");
  once.spec.retry.attempts = 1;
  EngineWorld world(plan_of({once}));
  world.settle();
  for (int boot = 1; boot <= 3; ++boot) {
    world.power_cut_and_boot();
    REQUIRE(world.view("server/once").progress == StepProgress::kRunning);
    CHECK(world.view("server/once").attempt == 1);
  }
  SECTION("it may end well") {
    world.finish(world.unit_of("server/once"), 0);
    CHECK(world.shell->decision().ready);
  }
  SECTION("who brings the machine down each time comes to an end") {
    world.power_cut_and_boot();
    CHECK(world.view("server/once").progress == StepProgress::kFailed);
    CHECK(world.view("server/once").reason == "LostByReboot");
  }
}

TEST_CASE("a service that is gone before it was seen is not started for ever", "[engine]") {
  Step leaves = service("leaves");
  leaves.spec.run = {"/bin/true"};  // collected at once
  leaves.spec.retry.attempts = 2;
  EngineWorld world(plan_of({leaves}));
  world.settle();
  CHECK(world.manager.started["klubster-server-leaves.service"] == 1);
  CHECK(world.view("server/leaves").reason == "ServiceExited");
  world.wake();
  CHECK(world.manager.started["klubster-server-leaves.service"] == 2);
  CHECK(world.view("server/leaves").progress == StepProgress::kFailed);
}

TEST_CASE("a unit of the machine that systemd does not start has failed", "[engine]") {
  Step existing = service("machine");
  existing.spec.start_unit = "machine.service";
  existing.spec.retry.attempts = 2;
  EngineWorld world(plan_of({existing}));
  world.manager.conditions_fail = true;
  world.settle();
  CHECK(world.manager.started["machine.service"] == 1);
  CHECK(world.view("server/machine").reason == "SetupFailed");
  world.manager.conditions_fail = false;
  world.wake();
  CHECK(world.view("server/machine").progress == StepProgress::kReady);
}

TEST_CASE("a masked unit, and one that waits for its turn, are told apart", "[engine]") {
  UnitSnapshot unit;
  unit.start_error = Error(ErrorKind::kUnavailable, "UnitMasked", "Unit a.service is masked.");
  CHECK(classify(unit, true).reason == "UnitMasked");
  unit.start_error.reset();
  unit.load_state = "loaded";
  unit.active_state = "failed";  // from the time before
  unit.result = "exit-code";
  CHECK(classify(unit, true).phase == UnitPhase::kFailed);
  unit.queued = true;
  CHECK(classify(unit, true).phase == UnitPhase::kRunning);
}
