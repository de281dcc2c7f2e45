// What moves by itself, and what waits: an apply is over when nothing moves any more.
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

TEST_CASE("a running task moves until it is done", "[motion]") {
  EngineWorld world(plan_of({task("join")}));
  world.settle();
  CHECK(world.shell->moves());
  world.finish(world.unit_of("server/join"), 0);
  CHECK_FALSE(world.shell->moves());
}

TEST_CASE("a task whose next try is still to come rests", "[motion]") {
  EngineWorld world(plan_of({task("join")}));
  world.settle();
  world.finish(world.unit_of("server/join"), 1);
  REQUIRE(world.view("server/join").progress == StepProgress::kRetrying);
  CHECK_FALSE(world.shell->moves());
  world.wake();
  CHECK(world.shell->moves());
}

TEST_CASE("who waits for peers rests, and moves when they are there", "[motion]") {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  EngineWorld world(plan);
  world.settle();
  REQUIRE(world.view("server/join").progress == StepProgress::kWaiting);
  CHECK_FALSE(world.shell->moves());
  world.shell->set_needs({{"server/join", {true, "", "", ""}}});
  world.settle();
  CHECK(world.shell->moves());
}

TEST_CASE("a service that is not ready yet moves, unless it could once", "[motion]") {
  Plan plan = plan_of({service("etcd")});
  plan.steps[0].spec.ready.run = {"/opt/is-ready"};
  plan.steps[0].spec.ready.interval_usec = 1'000'000;
  plan.steps[0].spec.ready.timeout_usec = 60'000'000;
  EngineWorld world(plan);
  world.settle();
  CHECK(world.shell->moves());
  world.finish("klubster-ready-server-etcd.service", 0);
  REQUIRE(world.view("server/etcd").progress == StepProgress::kReady);
  CHECK_FALSE(world.shell->moves());

  world.power_cut_and_boot();
  world.finish("klubster-ready-server-etcd.service", 1);
  REQUIRE(world.view("server/etcd").progress == StepProgress::kStarting);
  CHECK_FALSE(world.shell->moves());  // it may wait for members that are switched off
}

TEST_CASE("leaving moves until all is undone, or an undo waits for its next try", "[motion]") {
  LeavingWorld world;
  CHECK(world.shell->moves());
  world.finish("klubster-undo-server-join.service", 1);
  CHECK_FALSE(world.shell->moves());
  world.wake();
  CHECK(world.shell->moves());
  world.finish("klubster-undo-server-join.service", 0);
  CHECK(world.shell->state().gone);
  CHECK_FALSE(world.shell->moves());
}
