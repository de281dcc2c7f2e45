// What the engine decides, driven through the shell over fakes that hold state.
#include "engine/reconcile.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

TEST_CASE("steps run in order and the generation becomes ready", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"})}));
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRunning);
  CHECK(world.view("server/two").progress == StepProgress::kPending);

  world.finish(world.unit_of("server/one"), 0);
  CHECK(world.view("server/one").progress == StepProgress::kDone);
  CHECK(world.view("server/two").progress == StepProgress::kRunning);

  world.finish(world.unit_of("server/two"), 0);
  CHECK(world.shell->decision().ready);
  CHECK(world.shell->state().last_good_generation == 1);
  CHECK(world.manager.units.empty());  // every unit was released
}

TEST_CASE("steps that do not depend on each other run at the same time", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two")}));
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRunning);
  CHECK(world.view("server/two").progress == StepProgress::kRunning);
}

TEST_CASE("the intent is recorded before the unit starts", "[engine]") {
  EngineWorld world(plan_of({task("one")}));
  world.store.stop_before = 0;
  CHECK_THROWS_AS(world.settle(), WorldStopped);
  CHECK(world.manager.started.empty());
}

TEST_CASE("an agent that died while a step ran adopts it and does not start it again", "[engine]") {
  EngineWorld world(plan_of({task("one")}));
  world.settle();
  const std::string unit = world.unit_of("server/one");

  world.start_agent();
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRunning);
  CHECK(world.manager.started[unit] == 1);

  world.start_agent();
  world.manager.finish(unit, 0);
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kDone);
  CHECK(world.manager.started[unit] == 1);
}

TEST_CASE("a step whose unit vanished after it was seen is lost, never succeeded", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.idempotent = false;
  EngineWorld world(plan);
  world.settle();
  world.manager.units.clear();
  world.start_agent();
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kNeedsPerson);
  CHECK_FALSE(world.shell->decision().ready);
}

TEST_CASE("a reboot cuts a task off: it runs again when it is idempotent", "[engine]") {
  const bool idempotent = GENERATE(true, false);
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.idempotent = idempotent;
  EngineWorld world(plan);
  world.settle();

  world.power_cut_and_boot();
  CHECK(world.view("server/one").progress ==
        (idempotent ? StepProgress::kRunning : StepProgress::kNeedsPerson));
  CHECK(world.shell->state().subject("server/one").starts == (idempotent ? 2 : 1));
}

TEST_CASE("a person's apply lets a step that was cut off run again", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.idempotent = false;
  EngineWorld world(plan);
  world.settle();
  world.power_cut_and_boot();
  REQUIRE(world.view("server/one").progress == StepProgress::kNeedsPerson);

  world.shell->record(retry_requested({.by = "test"}));
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRunning);
}

TEST_CASE("a task that is done stays done after a reboot, a service starts again", "[engine]") {
  EngineWorld world(plan_of({task("prepare"), service("etcd", {"prepare"})}));
  world.settle();
  world.finish(world.unit_of("server/prepare"), 0);
  REQUIRE(world.shell->decision().ready);

  world.power_cut_and_boot();
  CHECK(world.shell->decision().ready);
  CHECK(world.shell->state().subject("server/prepare").starts == 1);
  CHECK(world.manager.started["klubster-server-etcd.service"] == 2);
}

TEST_CASE("after a reboot a task counts again once the service before it is back", "[engine]") {
  Plan plan = plan_of({service("etcd"), task("prove", {"etcd"})});
  plan.steps[0].spec.ready.run = {"/opt/ready"};
  EngineWorld world(plan);
  world.settle();
  world.finish("klubster-ready-server-etcd.service", 0);
  world.finish(world.unit_of("server/prove"), 0);
  REQUIRE(world.shell->decision().ready);

  world.power_cut_and_boot();
  CHECK(world.view("server/prove").progress == StepProgress::kPending);
  world.finish("klubster-ready-server-etcd.service", 0);
  CHECK(world.view("server/prove").progress == StepProgress::kDone);
  CHECK(world.shell->state().subject("server/prove").starts == 1);
}

TEST_CASE("the next step is started before the unit of the last one is released", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"})}));
  world.settle();
  const std::string first = world.unit_of("server/one");
  std::vector<std::size_t> started;
  world.manager.before_action = [&] { started.push_back(world.manager.started.size()); };
  world.finish(first, 0);
  REQUIRE(started.size() >= 2);
  CHECK(started[0] == 1);  // when the second one is about to be started
  CHECK(started[1] == 2);  // when the first one is about to be released
  CHECK_FALSE(world.manager.units.contains(first));
}

TEST_CASE("what once succeeded does not wait for its peers after a reboot", "[engine]") {
  Plan plan = plan_of({service("join")});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  EngineWorld world(plan);
  world.settle();
  CHECK(world.view("server/join").progress == StepProgress::kWaiting);
  CHECK(world.manager.started.empty());

  world.shell->set_needs({{"server/join", {true, "", "", ""}}});
  world.settle();
  REQUIRE(world.view("server/join").progress == StepProgress::kReady);

  world.power_cut_and_boot();  // nobody answers now
  CHECK(world.view("server/join").progress == StepProgress::kReady);
}

TEST_CASE("waiting for peers consumes no attempt", "[engine]") {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  EngineWorld world(plan);
  for (int i = 0; i < 10; ++i)
    world.power_cut_and_boot();
  CHECK(world.view("server/join").progress == StepProgress::kWaiting);
  CHECK(world.shell->state().subject("server/join").attempts == 0);
  CHECK(world.store.events.empty());
}

TEST_CASE("a failing task is tried with growing pauses, then fails for good", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.retry = {3, 1'000'000, 60'000'000};
  EngineWorld world(plan);
  world.settle();
  std::vector<std::uint64_t> pauses;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    REQUIRE(world.view("server/one").progress == StepProgress::kRunning);
    world.finish(world.unit_of("server/one"), 7);
    if (world.timers.due) pauses.push_back(*world.timers.due - world.timers.now);
    world.wake();
  }
  CHECK(world.view("server/one").progress == StepProgress::kFailed);
  CHECK(world.view("server/one").reason == "ExitCode");
  CHECK(world.view("server/one").message == "ended with exit code 7");
  REQUIRE(pauses.size() == 2);
  CHECK(pauses[0] >= 1'000'000);
  CHECK(pauses[1] >= 2'000'000);
  CHECK(pauses[1] <= 2'500'000);
}

TEST_CASE("a step that refuses what it was given is not tried again by itself", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.retry.attempts = 3;
  EngineWorld world(plan);
  world.settle();
  world.finish(world.unit_of("server/one"), 78);
  CHECK(world.view("server/one").progress == StepProgress::kFailed);
  CHECK(world.view("server/one").reason == "InputRefused");
  CHECK_FALSE(world.timers.due.has_value());

  world.shell->record(retry_requested({.by = "test"}));
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kRunning);
}

TEST_CASE("attempts are counted across reboots", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.retry.attempts = 3;
  EngineWorld world(plan);
  world.settle();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(world.view("server/one").progress == StepProgress::kRunning);
    world.finish(world.unit_of("server/one"), 7);
    world.power_cut_and_boot();
  }
  CHECK(world.view("server/one").progress == StepProgress::kFailed);
  CHECK(world.shell->state().subject("server/one").starts == 3);
}

TEST_CASE("a service that dies is started again without end once it was ready", "[engine]") {
  Plan plan = plan_of({service("etcd")});
  plan.steps[0].spec.retry.attempts = 2;
  EngineWorld world(plan);
  world.settle();
  for (int i = 0; i < 5; ++i) {
    REQUIRE(world.view("server/etcd").progress == StepProgress::kReady);
    world.finish("klubster-server-etcd.service", i % 2);  // a clean end is collected at once
    CHECK(world.view("server/etcd").progress == StepProgress::kRetrying);
    world.wake();
  }
  CHECK(world.manager.started["klubster-server-etcd.service"] == 6);
}

TEST_CASE("a service is ready when its probe says so, and its probe leaves no event", "[engine]") {
  Plan plan = plan_of({service("etcd")});
  plan.steps[0].spec.ready.run = {"/opt/ready"};
  EngineWorld world(plan);
  world.settle();
  const std::string probe = "klubster-ready-server-etcd.service";
  world.finish(probe, 1);
  CHECK(world.view("server/etcd").progress == StepProgress::kStarting);
  const auto events = world.store.events.size();
  world.wake();
  CHECK(world.manager.started[probe] == 2);
  CHECK(world.store.events.size() == events);
  world.finish(probe, 0);
  CHECK(world.view("server/etcd").progress == StepProgress::kReady);
  CHECK(world.manager.units.count(probe) == 0);
}

TEST_CASE("a service that never becomes ready fails; one that was ready before waits", "[engine]") {
  Plan plan = plan_of({service("etcd")});
  plan.steps[0].spec.ready.run = {"/opt/ready"};
  plan.steps[0].spec.ready.timeout_usec = 10'000'000;
  plan.steps[0].spec.retry.attempts = 1;
  const bool proven = GENERATE(false, true);
  EngineWorld world(plan);
  world.settle();
  const std::string probe = "klubster-ready-server-etcd.service";
  if (proven) {
    world.finish(probe, 0);
    world.power_cut_and_boot();
  }
  for (int i = 0; i < 30; ++i) {
    world.finish(probe, 1);
    world.wake();
  }
  CHECK(world.view("server/etcd").progress ==
        (proven ? StepProgress::kStarting : StepProgress::kFailed));
  if (!proven) CHECK(world.view("server/etcd").reason == "NotReady");
}

TEST_CASE("a check that holds before means nothing to run", "[engine]") {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.check.run = {"/bin/true"};
  EngineWorld world(plan);
  world.settle();
  CHECK(world.view("server/join").progress == StepProgress::kDone);
  CHECK(world.count("RunStarted") == 0);
}

TEST_CASE("a check is not asked before when the fingerprint changed", "[engine]") {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.check.run = {"/bin/true"};
  EngineWorld world(plan);
  world.settle();
  plan.steps[0].fingerprint = "another-fingerprint";
  world.use(plan);
  CHECK(world.view("server/join").progress == StepProgress::kRunning);
}

TEST_CASE("a task that ends well without what its check wants has failed", "[engine]") {
  Plan plan = plan_of({task("join")});
  plan.steps[0].spec.check.run = {"/bin/false"};
  EngineWorld world(plan);
  world.settle();
  world.finish(world.unit_of("server/join"), 0);
  CHECK(world.view("server/join").progress == StepProgress::kRetrying);
  CHECK(world.view("server/join").reason == "CheckFailed");
  CHECK(world.count("StepDone") == 0);
}

TEST_CASE("a changed fingerprint runs a task again and replaces a service", "[engine]") {
  Plan plan = plan_of({task("prepare"), service("etcd", {"prepare"})});
  EngineWorld world(plan);
  world.settle();
  world.finish(world.unit_of("server/prepare"), 0);
  REQUIRE(world.shell->decision().ready);

  plan.steps[1].fingerprint = "another-fingerprint";
  world.use(plan);
  CHECK(world.shell->decision().ready);
  CHECK(world.manager.started["klubster-server-etcd.service"] == 2);
  CHECK(world.shell->state().subject("server/prepare").starts == 1);
}

TEST_CASE("a step that dies while the machine goes down has not failed", "[engine]") {
  EngineWorld world(plan_of({task("one"), service("etcd")}));
  world.settle();
  const auto events = world.store.events.size();
  world.manager.stopping = true;
  world.finish(world.unit_of("server/one"), 15);
  world.finish("klubster-server-etcd.service", 15);
  CHECK(world.store.events.size() == events);
}

TEST_CASE("bad outputs fail the step and say why", "[engine]") {
  Plan plan = plan_of({task("one")});
  plan.steps[0].spec.outputs = {{"URL", true, false}};
  EngineWorld world(plan);
  world.steps.outputs["server/one"].reason = "BadOutputs";
  world.steps.outputs["server/one"].message = "URL was not written";
  world.settle();
  world.finish(world.unit_of("server/one"), 0);
  CHECK(world.view("server/one").reason == "BadOutputs");
  CHECK(world.count("StepDone") == 0);
}

TEST_CASE("an exit code that asks for a reboot is obeyed once, then the next step runs",
          "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"})}));
  world.settle();
  const std::string unit = world.unit_of("server/one");
  // systemd was told that 194 is success for this unit.
  world.manager.finish(unit, 0);
  world.manager.units[unit].snapshot.exec_status = 194;
  world.start_agent();
  world.settle();
  REQUIRE(world.manager.reboots == 1);

  world.manager.power_cut();
  world.store.boot = "boot-2";
  world.start_agent();
  world.shell->record(booted("normal", ""));
  world.settle();
  CHECK(world.manager.reboots == 1);
  CHECK(world.view("server/two").progress == StepProgress::kRunning);
}

TEST_CASE("leaving undoes in reverse order, then stops the services", "[engine]") {
  Plan plan = plan_of({service("etcd"), task("join", {"etcd"})});
  plan.steps[0].spec.undo.run = {"/opt/undo-etcd"};
  plan.steps[1].spec.undo.run = {"/opt/undo-join"};
  EngineWorld world(plan);
  world.settle();
  world.finish(world.unit_of("server/join"), 0);
  REQUIRE(world.shell->decision().ready);

  world.shell->record(leave_requested({.by = "test"}));
  world.settle();
  CHECK(world.manager.started.count("klubster-undo-server-etcd.service") == 0);
  world.finish("klubster-undo-server-join.service", 0);
  CHECK(world.manager.units.count("klubster-server-etcd.service") == 1);
  world.finish("klubster-undo-server-etcd.service", 0);
  CHECK(world.manager.units.empty());
  CHECK(world.shell->state().gone);
}

TEST_CASE("after leaving, a person's apply does the undone steps again", "[engine]") {
  LeavingWorld world;
  world.finish("klubster-undo-server-join.service", 0);
  REQUIRE(world.shell->state().gone);
  world.power_cut_and_boot();
  CHECK(world.unit_of("server/join").empty());  // a reboot does not make it join again

  world.shell->record(retry_requested({.by = "test"}));
  world.settle();
  CHECK(world.view("server/join").progress == StepProgress::kRunning);
}

TEST_CASE("an undo that was cut off by a power cut goes on", "[engine]") {
  LeavingWorld world;
  world.power_cut_and_boot();
  CHECK_FALSE(world.shell->state().gone);
  world.finish("klubster-undo-server-join.service", 0);
  CHECK(world.shell->state().gone);
}

TEST_CASE("a start that systemd refuses is recorded, and tried again later", "[engine]") {
  Plan plan = plan_of({service("etcd")});
  EngineWorld world(plan);
  // Somebody takes the name between the look and the start.
  world.units->refuse_next_start();
  world.settle();
  CHECK(world.view("server/etcd").progress == StepProgress::kRetrying);
  CHECK(world.view("server/etcd").reason == "UnitExists");
  world.wake();
  CHECK(world.view("server/etcd").progress == StepProgress::kReady);
}

TEST_CASE("while everything is held back nothing begins, and what runs is followed", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"})}));
  world.shell->set_held("the hostname");
  world.settle();
  CHECK(world.view("server/one").progress == StepProgress::kWaiting);
  CHECK(world.view("server/one").message == "the hostname");
  CHECK(world.manager.started.empty());

  world.shell->set_held("");
  world.settle();
  world.shell->set_held("the hostname");
  world.finish(world.unit_of("server/one"), 0);
  CHECK(world.view("server/one").progress == StepProgress::kDone);
  CHECK(world.view("server/two").progress == StepProgress::kWaiting);
  CHECK(world.view("server/two").attempt == 0);
}

TEST_CASE("a step's outcome and the intent of the next one are made durable together", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"}), task("three", {"two"})}));
  world.settle();
  for (const char* id : {"one", "two"}) {
    const int before = world.store.syncs;
    world.finish(world.unit_of(std::string("server/") + id), 0);
    CHECK(world.store.syncs == before + 1);
  }
  CHECK(world.view("server/three").progress == StepProgress::kRunning);
}

TEST_CASE("a name is looked at before its step's turn, and no earlier than that", "[engine]") {
  EngineWorld world(plan_of({task("one"), task("two", {"one"}), task("three", {"two"})}));
  world.settle();
  const auto is_known = [&](const Step& step) {
    return world.shell->world().units.count(run_unit_name(step, 1)) > 0;
  };
  CHECK(is_known(task("two", {"one"})));
  CHECK_FALSE(is_known(task("three", {"two"})));
}

TEST_CASE("in a phase that is held nothing begins that was never done", "[reconcile]") {
  EngineWorld world(plan_of({task("prepare"), service("etcd", {"prepare"})}));
  world.shell->set_phase_held("server", "the promise of n2");
  world.settle();
  CHECK(world.view("server/prepare").progress == StepProgress::kWaiting);
  CHECK(world.view("server/prepare").message == "the promise of n2");
  world.shell->set_phase_held("server", "");
  world.settle();
  world.finish(world.unit_of("server/prepare"), 0);
  CHECK(world.view("server/prepare").progress == StepProgress::kDone);
  REQUIRE(world.view("server/etcd").progress == StepProgress::kReady);

  // What was done comes back after a reboot, whatever the peers say.
  world.manager.power_cut();
  world.store.lose_power();
  world.store.boot += "+";
  world.start_agent();
  world.shell->set_phase_held("server", "the promise of n2");
  world.settle();
  CHECK(world.view("server/etcd").progress == StepProgress::kReady);
}
