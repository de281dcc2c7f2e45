// A shell whose store takes nothing: it looks, and leaves everything as it is.
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

TEST_CASE("what the store refuses ends the shell's work with the reason", "[shell]") {
  struct FullStore : MemoryStore {
    Status append(std::vector<Event>&) override {
      return Error(ErrorKind::kIo, "DiskFull", "no space left");
    }
  } full;
  EngineWorld world(plan_of({task("one")}));
  Shell shell({*world.units, full, world.timers, world.steps, world.workers}, {}, "boot-1");
  shell.set_plan(plan_of({task("one")}));
  std::string reason;
  try {
    shell.settle();
    world.units->deliver_all();
  } catch (const StoreRefused& refused) {
    reason = refused.why.reason();
  }
  CHECK(reason == "DiskFull");
  CHECK(world.manager.units.empty());
}

TEST_CASE("a shell that only looks begins, ends and records nothing", "[shell]") {
  EngineWorld world(plan_of({service("one"), task("two", {"one"})}));
  world.settle();
  const std::string unit = world.unit_of("server/one");
  const auto known = world.store.events.size();
  REQUIRE_FALSE(unit.empty());

  world.start_agent();
  world.shell->only_look();
  world.settle();
  CHECK(world.view("server/one").unit == unit);
  INFO(to_string(world.view("server/one").progress));
  CHECK(world.view("server/one").progress == StepProgress::kReady);
  const auto started = world.manager.started;

  world.shell->record(booted("degraded", "the disk is full"));
  CHECK(world.shell->state().boot_kind == "degraded");
  if (world.manager.units.count(world.unit_of("server/two")) > 0) {
    world.finish(world.unit_of("server/two"), 0);
  }
  world.settle();
  CHECK(world.manager.started == started);
  CHECK(world.store.events.size() == known);
  CHECK(world.manager.units.count(unit) == 1);
  CHECK_FALSE(world.timers.due);
}
