// What the profile no longer has: steps of earlier generations, and everything on destroy.
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

Step undoable(Step step) {
  step.spec.undo.run = {"/opt/undo-" + step.spec.id};
  return step;
}

// Generation 2 has lost the steps "old" and "daemon" of generation 1.
Plan without_old() {
  Plan plan = plan_of({task("new")});
  plan.generation = 2;
  plan.obsolete = {undoable(task("old")), service("daemon")};
  return plan;
}

struct Upgraded {
  EngineWorld world;
  Upgraded() : world(plan_of({undoable(task("old")), service("daemon", {"old"})})) {
    world.settle();
    world.finish(world.unit_of("server/old"), 0);
    REQUIRE(world.shell->decision().ready);
  }
};

}  // namespace

TEST_CASE("what vanished from the profile is shown and not touched", "[engine][obsolete]") {
  Upgraded upgraded;
  EngineWorld& world = upgraded.world;
  world.use(without_old());
  world.finish(world.unit_of("server/new"), 0);
  CHECK(world.shell->decision().ready);
  REQUIRE(world.shell->decision().obsolete.size() == 2);
  CHECK(world.shell->decision().obsolete[0].progress == StepProgress::kObsolete);
  CHECK(world.manager.units.count("klubster-server-daemon.service") == 1);
  CHECK(world.manager.started.count("klubster-undo-server-old.service") == 0);
}

TEST_CASE("with leave to destroy it is undone in reverse, before anything new begins",
          "[engine][obsolete]") {
  Upgraded upgraded;
  EngineWorld& world = upgraded.world;
  Plan plan = without_old();
  plan.allow_destroy = true;
  world.use(plan);
  CHECK(world.manager.units.count("klubster-server-daemon.service") == 0);
  CHECK(world.unit_of("server/new").empty());
  CHECK(world.view("server/new").message == "after the undoing of server/old");
  world.finish("klubster-undo-server-old.service", 0);
  CHECK_FALSE(world.unit_of("server/new").empty());
  CHECK_FALSE(world.shell->state().subject("server/old").owes_undo);
}

TEST_CASE("an apply may allow it for once", "[engine][obsolete]") {
  Upgraded upgraded;
  EngineWorld& world = upgraded.world;
  world.shell->record(retry_requested({.by = "test", .allow_destroy = true}));
  world.use(without_old());
  CHECK(world.manager.started["klubster-undo-server-old.service"] == 1);
}

TEST_CASE("an undo that fails for good keeps nothing new from working", "[engine][obsolete]") {
  Upgraded upgraded;
  EngineWorld& world = upgraded.world;
  Plan plan = without_old();
  plan.allow_destroy = true;
  plan.obsolete[0].spec.undo.run = {"/bin/false"};
  plan.obsolete[0].spec.retry.attempts = 2;
  world.use(plan);
  while (world.unit_of("server/new").empty() && world.timers.due)
    world.wake();
  world.finish(world.unit_of("server/new"), 0);
  CHECK(world.shell->decision().ready);
  CHECK(world.shell->decision().obsolete[0].progress == StepProgress::kFailed);
  CHECK(world.shell->state().subject("server/old").owes_undo);
}

TEST_CASE("a step whose `when` no longer holds is obsolete as well", "[engine][obsolete]") {
  const bool allowed = GENERATE(false, true);
  EngineWorld world(plan_of({undoable(task("feature"))}));
  world.settle();
  world.finish(world.unit_of("server/feature"), 0);
  Plan plan = plan_of({undoable(task("feature"))});
  plan.steps[0].skipped = true;
  plan.allow_destroy = allowed;
  world.use(plan);
  CHECK(world.manager.started["klubster-undo-server-feature.service"] == (allowed ? 1 : 0));
  if (allowed) world.finish("klubster-undo-server-feature.service", 0);
  CHECK(world.view("server/feature").progress == StepProgress::kSkipped);
}

TEST_CASE("leaving keeps what earlier generations left, destroying does not",
          "[engine][obsolete]") {
  const bool destroy = GENERATE(false, true);
  Upgraded upgraded;
  EngineWorld& world = upgraded.world;
  world.use(without_old());
  world.finish(world.unit_of("server/new"), 0);
  world.shell->record(leave_requested({.by = "test", .destroy = destroy}));
  world.settle();
  CHECK(world.shell->state().gone == !destroy);
  CHECK(world.manager.units.count("klubster-server-daemon.service") == (destroy ? 0 : 1));
  if (destroy) world.finish("klubster-undo-server-old.service", 0);
  CHECK(world.shell->state().gone);
}

TEST_CASE("a destroy with an undo that fails says so, and goes on when forced",
          "[engine][obsolete]") {
  EngineWorld world(plan_of({undoable(task("first")), undoable(task("second", {"first"}))}));
  world.settle();
  world.finish(world.unit_of("server/first"), 0);
  world.finish(world.unit_of("server/second"), 0);
  Plan plan = plan_of({undoable(task("first")), undoable(task("second", {"first"}))});
  plan.steps[1].spec.undo.run = {"/bin/false"};
  plan.steps[1].spec.retry.attempts = 1;
  world.shell->record(leave_requested({.by = "test", .destroy = true}));
  world.use(plan);
  while (world.timers.due)
    world.wake();
  CHECK(world.view("server/second").progress == StepProgress::kFailed);
  CHECK_FALSE(world.shell->state().gone);

  world.shell->record(leave_requested({.by = "test", .destroy = true, .force = true}));
  world.settle();
  while (world.timers.due)
    world.wake();
  CHECK(world.count("UndoAbandoned") == 1);
  world.finish("klubster-undo-server-first.service", 0);
  CHECK(world.shell->state().gone);

  // What was given up is still there, as its check says: it is owed again.
  plan.steps[1].spec.check.run = {"/opt/is-second"};
  world.shell->record(retry_requested({.by = "test"}));
  world.use(plan);
  world.finish(world.unit_of("server/first"), 0);
  world.finish("klubster-check-server-second.service", 0);
  CHECK(world.view("server/second").progress == StepProgress::kDone);
  CHECK(world.shell->state().subject("server/second").owes_undo);
}

TEST_CASE("an apply until a step begins nothing after it, and the next apply does",
          "[engine][until]") {
  EngineWorld world(plan_of({task("one"), task("two"), task("three")}));
  world.shell->record(retry_requested({.by = "test", .until = "server/two"}));
  world.settle();
  CHECK_FALSE(world.unit_of("server/two").empty());
  CHECK(world.unit_of("server/three").empty());
  CHECK(world.view("server/three").message == "after --until server/two");
  world.finish(world.unit_of("server/one"), 0);
  world.finish(world.unit_of("server/two"), 0);
  world.power_cut_and_boot();
  CHECK(world.unit_of("server/three").empty());

  world.shell->record(retry_requested({.by = "test"}));
  world.settle();
  CHECK_FALSE(world.unit_of("server/three").empty());
}

TEST_CASE("a task whose unit name is taken runs under the next one", "[engine]") {
  EngineWorld world(plan_of({task("one")}));
  FakeManager::Unit taken;
  taken.snapshot.name = "klubster-step-server-one-fingerpr-a1.service";
  taken.snapshot.load_state = "masked";
  taken.snapshot.active_state = "inactive";
  world.manager.units[taken.snapshot.name] = taken;
  world.settle();
  CHECK(world.unit_of("server/one") == "klubster-step-server-one-fingerpr-a2.service");
}
