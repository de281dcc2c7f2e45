// A step that is done may not stay done: its check is asked again.
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

constexpr std::uint64_t kHour = 3'600'000'000;
const std::string kCheckUnit = "klubster-check-server-join.service";

Plan checked_plan(std::uint64_t recheck_usec, bool repair) {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.check.run = {"/opt/is-joined"};
  plan.recheck_usec = recheck_usec;
  plan.repair = repair;
  return plan;
}

// Done by its run; the check said "no" before and "yes" after it.
void bring_to_done(EngineWorld& world) {
  world.settle();
  world.finish(kCheckUnit, 1);
  world.finish(world.unit_of("server/join"), 0);
  world.finish("klubster-verify-server-join.service", 0);
  REQUIRE(world.view("server/join").progress == StepProgress::kDone);
}

}  // namespace

TEST_CASE("the check of a done step is asked again when somebody wants to know",
          "[engine][drift]") {
  EngineWorld world(checked_plan(0, false));
  bring_to_done(world);
  CHECK_FALSE(world.timers.due);  // never by itself

  world.timers.now += kHour;
  world.shell->recheck();
  world.units->deliver_all();
  CHECK(world.shell->decision().rechecking);
  world.finish(kCheckUnit, 0);
  CHECK_FALSE(world.shell->decision().rechecking);
  CHECK(world.count("StepDrifted") == 0);
  CHECK(world.manager.units.empty());
}

TEST_CASE("drift is reported once, stays ready, and ends when the check is content again",
          "[engine][drift]") {
  EngineWorld world(checked_plan(kHour, false));
  bring_to_done(world);
  world.wake();
  world.finish(kCheckUnit, 1);
  CHECK(world.view("server/join").progress == StepProgress::kDone);
  CHECK(world.view("server/join").reason == "Drifted");
  CHECK(world.shell->decision().ready);

  world.wake();
  world.finish(kCheckUnit, 1);
  CHECK(world.count("StepDrifted") == 1);
  CHECK(world.count("RunStarted") == 1);

  world.wake();
  world.finish(kCheckUnit, 0);
  CHECK(world.count("DriftEnded") == 1);
  CHECK(world.view("server/join").reason.empty());
}

TEST_CASE("with repair, a step that drifted runs again", "[engine][drift]") {
  EngineWorld world(checked_plan(kHour, true));
  bring_to_done(world);
  world.wake();
  world.finish(kCheckUnit, 1);  // drifted
  world.finish(kCheckUnit, 1);  // asked again before the run, as always
  CHECK(world.view("server/join").progress == StepProgress::kRunning);
  world.finish(world.unit_of("server/join"), 0);
  world.finish("klubster-verify-server-join.service", 0);
  CHECK(world.view("server/join").progress == StepProgress::kDone);
  CHECK(world.view("server/join").reason.empty());
}

TEST_CASE("a service that drifted is started again with repair only", "[engine][drift]") {
  const bool repair = GENERATE(false, true);
  Plan plan = plan_of({service("join")});
  plan.steps[0].spec.check.run = {"/opt/is-joined"};
  plan.recheck_usec = kHour;
  plan.repair = repair;
  EngineWorld world(plan);
  world.settle();
  REQUIRE(world.view("server/join").progress == StepProgress::kReady);
  world.wake();
  world.finish(kCheckUnit, 1);
  if (repair) world.wake();  // after the back-off
  CHECK(world.manager.started["klubster-server-join.service"] == (repair ? 2 : 1));
  CHECK(world.view("server/join").progress == StepProgress::kReady);
  CHECK(world.view("server/join").reason == (repair ? "" : "Drifted"));
}

TEST_CASE("an agent that died does not forget that a step drifted", "[engine][drift]") {
  EngineWorld world(checked_plan(kHour, false));
  bring_to_done(world);
  world.wake();
  world.finish(kCheckUnit, 1);
  world.start_agent();
  world.settle();
  CHECK(world.view("server/join").reason == "Drifted");
}

TEST_CASE("after a reboot the checks of done steps are asked once", "[engine][drift]") {
  EngineWorld world(checked_plan(kHour, false));
  bring_to_done(world);
  world.power_cut_and_boot();
  CHECK(world.manager.started[kCheckUnit] == 2);
  world.finish(kCheckUnit, 0);
  CHECK(world.manager.started[kCheckUnit] == 2);
  REQUIRE(world.timers.due);
}

TEST_CASE("a check that systemd could not set up is told, and nothing is repaired for it",
          "[engine][drift]") {
  EngineWorld world(checked_plan(kHour, true));
  bring_to_done(world);
  world.wake();
  world.finish(kCheckUnit, 203);
  CHECK(world.view("server/join").progress == StepProgress::kDone);
  CHECK(world.view("server/join").message ==
        "its check could not be set up: systemd could not set it up (exit status 203 of "
        "systemd.exec(5))");
  CHECK(world.count("RunStarted") == 1);

  world.wake();
  world.finish(kCheckUnit, 0);
  CHECK(world.view("server/join").message.empty());
}

TEST_CASE("after a run a check that could not be set up is a failure of its own",
          "[engine][drift]") {
  EngineWorld world(checked_plan(0, false));
  world.settle();
  world.finish(kCheckUnit, 1);
  world.finish(world.unit_of("server/join"), 0);
  const int code = GENERATE(203, 1, 255);  // programs end with 255 themselves
  world.finish("klubster-verify-server-join.service", code);
  CHECK(world.view("server/join").reason == (code == 203 ? "SetupFailed" : "CheckFailed"));
}
