// The recovery ladder, rung by rung.
#include "engine/recovery.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

constexpr std::uint64_t kMinute = 60'000'000;

Step tried_once(Step step) {
  step.spec.retry.attempts = 1;
  return step;
}

Plan with_ladder(std::vector<Step> steps,
                 LadderLimits limits = {Rung::kRecovery, 1, 30 * kMinute}) {
  Plan plan = plan_of(std::move(steps));
  plan.ladder = limits;
  return plan;
}

GenerationFacts facts(std::uint64_t number, std::uint64_t rollback_of = 0) {
  GenerationFacts made;
  made.number = number;
  made.config_hash = "hash-" + std::to_string(number);
  made.source = "source";
  made.rollback_of = rollback_of;
  return made;
}

// Generation 1, whose only step has failed for good.
struct Failed {
  EngineWorld world;
  explicit Failed(Plan plan = with_ladder({tried_once(task("join"))})) : world(std::move(plan)) {
    world.shell->record(generation_made(facts(1)));
    world.settle();
  }
  void fail() {
    world.finish(world.unit_of("server/join"), 1);
    world.settle();
  }
  const NodeState& state() const { return world.shell->state(); }
};

Climb climb_of(const EngineWorld& world, const Plan& plan) {
  return next_rung(plan, world.shell->state(), world.shell->world(), world.shell->decision());
}

}  // namespace

TEST_CASE("first the machine is rebooted, then the node goes to recovery mode", "[recovery]") {
  Failed node;
  node.fail();
  CHECK(node.world.count("RebootOrdered") == 1);
  CHECK(node.world.manager.reboots > 0);
  CHECK(node.world.view("server/join").message == "the reboot that the recovery ladder asked for");

  node.world.power_cut_and_boot();
  REQUIRE_FALSE(node.world.unit_of("server/join").empty());  // resumed, with new attempts
  node.fail();
  CHECK(node.world.count("RebootOrdered") == 1);
  REQUIRE(node.state().recovery.has_value());
  CHECK(node.state().recovery->reason == "ExitCode");
  CHECK(node.state().recovery->message == "server/join: ended with exit code 1");
  CHECK(node.state().recovery->by.empty());
}

TEST_CASE("as many reboots as the config says, counted in the log", "[recovery]") {
  const std::uint64_t reboots = GENERATE(0, 1, 3);
  Failed node(with_ladder({tried_once(task("join"))}, {Rung::kRecovery, reboots, 0}));
  node.fail();
  for (std::uint64_t i = 0; i < reboots; ++i) {
    CHECK_FALSE(node.state().recovery.has_value());
    node.world.power_cut_and_boot();
    node.fail();
  }
  CHECK(node.state().recovery.has_value());
  CHECK(node.world.count("RebootOrdered") == static_cast<int>(reboots));
}

TEST_CASE("a tree that is newer than what failed is not what recovery mode keeps shut",
          "[recovery]") {
  Failed node(with_ladder({tried_once(task("join"))}, {Rung::kRecovery, 0, 0}));
  node.world.shell->record(config_accepted("newer"));
  node.fail();
  REQUIRE(node.state().recovery.has_value());
  CHECK(node.state().recovery->tree == TreeMark{"hash-1", "source"});
}

TEST_CASE("recovery/action says how far the ladder goes", "[recovery]") {
  const Rung highest = GENERATE(Rung::kNone, Rung::kReboot, Rung::kRollBack);
  Failed node(with_ladder({tried_once(task("join"))}, {highest, 1, 0}));
  node.fail();
  node.world.power_cut_and_boot();
  if (highest != Rung::kNone) node.fail();
  CHECK(node.world.count("RebootOrdered") == (highest == Rung::kNone ? 0 : 1));
  CHECK_FALSE(node.state().recovery.has_value());
  CHECK(node.world.view("server/join").progress == StepProgress::kFailed);
  CHECK(node.world.view("server/join").reason == "ExitCode");
}

TEST_CASE("after the reboots comes the last good generation, but not twice", "[recovery]") {
  const Plan plan = with_ladder({tried_once(task("join"))}, {Rung::kRecovery, 0, 0});
  Failed node(plan);
  node.world.finish(node.world.unit_of("server/join"), 0);
  REQUIRE(node.state().last_good_generation == 1);

  Plan second = plan;
  second.generation = 2;
  second.steps[0].fingerprint = "another";
  node.world.shell->record(generation_made(facts(2)));
  node.world.use(second);
  node.fail();
  CHECK(node.world.shell->decision().climb.rung == Rung::kRollBack);
  CHECK(node.world.shell->decision().climb.reason == "ExitCode");
  CHECK_FALSE(node.state().recovery.has_value());

  Plan third = plan;  // generation 1 again
  third.generation = 3;
  node.world.shell->record({rolled_back({2, 1, "ExitCode", "failed", "", {"hash", "source"}}),
                            generation_made(facts(3, 1))});
  node.world.use(third);
  REQUIRE(node.world.unit_of("server/join") != "");  // what the other definition left is done anew
  node.fail();
  CHECK(node.state().recovery.has_value());
}

TEST_CASE("a generation that was ready once does not climb", "[recovery]") {
  Failed node(with_ladder({tried_once(service("etcd"))}, {Rung::kRecovery, 1, kMinute}));
  REQUIRE(node.state().last_good_generation == 1);
  node.world.finish("klubster-server-etcd.service", 1);
  for (int i = 0; i < 20; ++i) {
    if (node.world.unit_of("server/etcd") != "") {
      node.world.finish("klubster-server-etcd.service", 1);
    }
    node.world.wake();
  }
  CHECK(node.world.count("RebootOrdered") == 0);
  CHECK_FALSE(node.state().recovery.has_value());
}

TEST_CASE("what moves is let come to its end before", "[recovery]") {
  Failed node(with_ladder({tried_once(task("join")), tried_once(task("other"))}));
  node.fail();
  CHECK(node.world.count("RebootOrdered") == 0);
  node.world.finish(node.world.unit_of("server/other"), 0);
  CHECK(node.world.count("RebootOrdered") == 1);
}

TEST_CASE("an input's fault is shown, and nothing is done about it", "[recovery]") {
  for (const char* reason :
       {"InputMissing", "InputRefused", "BadValue", "UnitExists", "ManifestInvalid"})
    CHECK(is_input_fault(reason));
  for (const char* reason : {"ExitCode", "TimedOut", "SetupFailed", "CheckFailed", "OomKilled"})
    CHECK_FALSE(is_input_fault(reason));
  EngineWorld world(with_ladder({tried_once(service("etcd"))}));
  auto& taken = world.manager.units["klubster-server-etcd.service"].snapshot;
  taken.name = "klubster-server-etcd.service";
  taken.load_state = "loaded";
  taken.fragment_path = "/etc/systemd/system/klubster-server-etcd.service";
  world.settle();
  REQUIRE(world.view("server/etcd").reason == "UnitExists");
  CHECK(world.count("RebootOrdered") == 0);
  CHECK_FALSE(world.shell->state().recovery.has_value());
}

TEST_CASE("a bad chart does not reboot a healthy server", "[recovery]") {
  Step chart = tried_once(task("chart"));
  chart.phase = "stack";
  chart.subject = "stack/chart";
  Plan plan = with_ladder({task("join"), chart}, {Rung::kRecovery, 1, kMinute});
  plan.phases = {"server", "stack"};
  Failed node(plan);
  node.world.finish(node.world.unit_of("server/join"), 0);
  node.world.finish(node.world.unit_of("stack/chart"), 1);
  node.world.settle();
  REQUIRE(node.world.view("stack/chart").progress == StepProgress::kFailed);
  CHECK(node.world.count("RebootOrdered") == 0);
  CHECK_FALSE(node.state().recovery.has_value());
  CHECK(node.world.shell->decision().climb.rung == Rung::kNone);
}

TEST_CASE("waiting never climbs, however long", "[recovery]") {
  Plan plan = with_ladder({task("join")}, {Rung::kRecovery, 1, kMinute});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  Failed node(plan);
  REQUIRE(node.world.view("server/join").progress == StepProgress::kWaiting);
  node.world.timers.now += 100 * kMinute;
  node.world.settle();
  CHECK(node.world.count("RebootOrdered") == 0);
}

TEST_CASE("who needs a person asks for one, and does not climb", "[recovery]") {
  Plan plan = with_ladder({task("join"), tried_once(task("other"))}, {Rung::kRecovery, 1, kMinute});
  plan.steps[0].spec.idempotent = false;
  Failed node(plan);
  node.world.finish(node.world.unit_of("server/other"), 1);
  node.world.power_cut_and_boot();
  REQUIRE(node.world.view("server/join").progress == StepProgress::kNeedsPerson);
  node.world.timers.now += 100 * kMinute;
  node.world.settle();
  CHECK(node.world.count("RebootOrdered") == 0);
}

TEST_CASE("a failure while peers are away is not held against the machine", "[recovery]") {
  Plan plan = with_ladder({tried_once(task("join"))});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  Failed node(plan);
  NeedView here;
  here.satisfied = true;
  node.world.shell->set_needs({{"server/join", here}});
  node.world.settle();
  node.fail();
  CHECK(node.world.count("RebootOrdered") == 0);  // whether they are away shows a little later
  CHECK(node.world.view("server/join").fault == Fault::kUnknown);
  CHECK(*node.world.timers.due <= node.world.timers.now + kMinute);
  NeedView away = here;
  away.away = true;
  node.world.shell->set_needs({{"server/join", away}});
  node.world.wake();
  node.world.timers.now += 100 * kMinute;
  node.world.settle();
  CHECK(node.world.count("RebootOrdered") == 0);
  CHECK(node.world.view("server/join").fault == Fault::kPeers);
  CHECK(node.world.unit_of("server/join").empty());
  node.world.shell->set_needs({{"server/join", here}});
  node.world.settle();
  REQUIRE_FALSE(node.world.unit_of("server/join").empty());  // it has new attempts
  CHECK(node.world.view("server/join").attempt == 1);
  if (GENERATE(false, true)) {
    node.world.finish(node.world.unit_of("server/join"), 0);
    CHECK(node.state().last_good_generation == 1);
    CHECK(node.world.count("RebootOrdered") == 0);
    return;
  }
  node.fail();
  node.world.timers.now += kMinute;
  node.world.settle();
  CHECK(node.world.count("RebootOrdered") == 1);  // with its peers there
}

TEST_CASE("what failed without its peers is tried again, also by the next klubsterd",
          "[recovery]") {
  Plan plan = with_ladder({tried_once(task("join"))});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  Failed node(plan);
  NeedView here;
  here.satisfied = true;
  node.world.shell->set_needs({{"server/join", here}});
  node.world.settle();
  node.world.shell->set_needs({{"server/join", NeedView{}}});
  node.fail();
  CHECK(node.world.count("StepExcused") == 1);
  node.world.timers.now += 100 * kMinute;
  node.world.start_agent();
  node.world.settle();
  CHECK(node.world.view("server/join").progress == StepProgress::kWaiting);
  node.world.shell->set_needs({{"server/join", here}});
  node.world.settle();
  CHECK_FALSE(node.world.unit_of("server/join").empty());
  CHECK(node.world.count("RebootOrdered") == 0);
}

TEST_CASE("who does not climb looks whose fault it was, too, and an input's is its own",
          "[recovery]") {
  Plan plan = with_ladder({tried_once(task("join"))}, {Rung::kNone, 0, 0});
  plan.steps[0].spec.needs = {{"server", "Ready", "any"}};
  Failed node(plan);
  NeedView here;
  here.satisfied = true;
  node.world.shell->set_needs({{"server/join", here}});
  node.world.settle();
  const bool refused = GENERATE(false, true);
  node.world.finish(node.world.unit_of("server/join"), refused ? 78 : 1);
  node.world.settle();
  const StepView view = node.world.view("server/join");
  REQUIRE(view.progress == StepProgress::kFailed);
  CHECK(view.fault == (refused ? Fault::kOwn : Fault::kUnknown));
  if (refused) {
    node.world.shell->set_needs({{"server/join", NeedView{}}});
    node.world.settle();
    CHECK(node.world.count("StepExcused") == 0);  // its peers have nothing to do with it
    return;
  }
  REQUIRE(node.world.timers.due.has_value());
  node.world.timers.now = *node.world.timers.due;
  node.world.settle();
  CHECK(node.world.view("server/join").fault == Fault::kOwn);
}

TEST_CASE("what later steps wait for keeps nobody from climbing", "[recovery]") {
  Plan plan = with_ladder({tried_once(task("join")), task("last", {"join"})});
  plan.steps[1].spec.needs = {{"agent", "Ready", "all"}};
  Failed node(plan);
  node.fail();
  CHECK(node.world.count("RebootOrdered") == 1);
}

TEST_CASE("a trial that works for longer than its deadline climbs", "[recovery]") {
  Failed node(with_ladder({task("join")}, {Rung::kRecovery, 0, 10 * kMinute}));
  REQUIRE(node.world.timers.due.has_value());
  CHECK(*node.world.timers.due == node.world.timers.now + 10 * kMinute);
  node.world.timers.now += 9 * kMinute;
  node.world.settle();
  CHECK_FALSE(node.state().recovery.has_value());
  node.world.timers.now += kMinute;
  node.world.settle();
  REQUIRE(node.state().recovery.has_value());
  CHECK(node.state().recovery->reason == "TrialTimedOut");
  CHECK(node.state().recovery->message == "not ready after 10m of work: server/join is running");
}

TEST_CASE("a deadline of 0 is none", "[recovery]") {
  Failed node(with_ladder({task("join")}, {Rung::kRecovery, 0, 0}));
  node.world.timers.now += 10'000 * kMinute;
  node.world.settle();
  CHECK_FALSE(node.state().recovery.has_value());
}

TEST_CASE("the clock of a trial counts work only, and begins anew with the next one",
          "[recovery]") {
  TrialClock clock;
  CHECK(clock.spent_usec(1, 100) == 0);
  clock.set_running(true);
  CHECK(clock.spent_usec(1, 150) == 50);
  clock.set_running(false);
  CHECK(clock.spent_usec(1, 500) == 50);
  clock.set_running(true);
  CHECK(clock.spent_usec(1, 510) == 60);
  CHECK(clock.spent_usec(2, 520) == 0);
}

TEST_CASE("a person's reboot does not count", "[recovery]") {
  Failed node(with_ladder({service("etcd")}));
  node.world.shell->record(reboot_ordered({1, "Asked", "", "root"}));
  node.world.settle();
  CHECK(node.world.manager.reboots > 0);
  CHECK(node.world.view("server/etcd").message == "the reboot that root asked for");
  CHECK(node.state().ladder_reboots(1) == 0);
}

TEST_CASE("a reboot waits for tasks, and a power cut before it does not order it again",
          "[recovery]") {
  Failed node(
      with_ladder({tried_once(task("join")), tried_once(task("other"))}, {Rung::kRecovery, 1, 0}));
  node.world.shell->record(reboot_ordered({1, "Asked", "", "root"}));
  node.world.settle();
  CHECK(node.world.manager.reboots == 0);
  node.world.power_cut_and_boot();
  CHECK(node.world.manager.reboots == 0);
  CHECK_FALSE(node.world.unit_of("server/join").empty());
}

TEST_CASE("in recovery mode nothing begins, and what is ready is kept so", "[recovery]") {
  Step probed = service("probed");
  probed.spec.ready.run = {"/bin/true"};
  Plan plan = with_ladder(
      {service("etcd"), probed, tried_once(task("join", {"etcd"})), task("last", {"join"})},
      {Rung::kRecovery, 0, 0});
  Failed node(plan);
  node.fail();
  REQUIRE(node.state().recovery.has_value());
  const auto runs = [&](const std::string& name) {
    return node.world.manager.units.count("klubster-server-" + name + ".service") == 1;
  };
  CHECK(runs("etcd"));
  CHECK(runs("probed"));
  CHECK(node.world.view("server/join").progress == StepProgress::kFailed);
  CHECK(node.world.view("server/join").reason == "ExitCode");
  CHECK(node.world.view("server/last").message == "klubster recover (recovery mode)");

  SECTION("a service that dies is started again") {
    node.world.finish("klubster-server-etcd.service", 1);
    CHECK_FALSE(runs("etcd"));
    node.world.wake();
    CHECK(runs("etcd"));
  }
  SECTION("after a reboot it comes back, and nothing else does") {
    node.world.power_cut_and_boot();
    node.world.settle();
    CHECK(runs("etcd"));
    CHECK(runs("probed"));
    CHECK(node.world.unit_of("server/join").empty());
    CHECK(node.world.count("GenerationReady") == 0);
  }
  SECTION("who recovers tries again, also the ladder") {
    node.world.shell->record(recovery_left("root"));
    node.world.settle();
    CHECK_FALSE(node.world.unit_of("server/join").empty());
    node.world.finish(node.world.unit_of("server/join"), 0);
    node.world.finish(node.world.unit_of("server/last"), 0);
    CHECK(node.state().last_good_generation == 1);
  }
  SECTION("a new generation leaves it") {
    node.world.shell->record(generation_made(facts(2)));
    CHECK_FALSE(node.state().recovery.has_value());
  }
}

TEST_CASE("what a service was before stays up when recovery mode comes with another definition",
          "[recovery]") {
  Failed node(with_ladder({service("etcd")}));
  Plan second = with_ladder({service("etcd")});
  second.generation = 2;
  second.steps[0].fingerprint = "another";
  node.world.shell->record(generation_made(facts(2)));
  node.world.shell->record(recovery_entered({"Asked", "", "root", {}}));
  node.world.use(second);
  CHECK(node.world.manager.started["klubster-server-etcd.service"] == 1);
  CHECK(node.world.view("server/etcd").progress == StepProgress::kReady);
}

TEST_CASE("a rollback brings a service back exactly once, and runs a task that was tried otherwise",
          "[recovery]") {
  const Plan first = with_ladder({task("join"), service("etcd", {"join"})});
  Failed node(first);
  node.world.finish(node.world.unit_of("server/join"), 0);
  REQUIRE(node.state().last_good_generation == 1);
  Plan second = with_ladder({task("join"), service("etcd")});
  second.generation = 2;
  for (auto& step : second.steps)
    step.fingerprint += "-2";
  node.world.shell->record(generation_made(facts(2)));
  node.world.use(second);
  REQUIRE(node.world.manager.started["klubster-server-etcd.service"] == 2);

  Plan third = first;
  third.generation = 3;
  node.world.shell->record({rolled_back({2, 1, "", "", "", {}}), generation_made(facts(3, 1))});
  node.world.use(third);
  node.world.finish(node.world.unit_of("server/join"), 0);  // the newer form comes to its end
  node.world.settle();
  REQUIRE_FALSE(node.world.unit_of("server/join").empty());
  node.world.finish(node.world.unit_of("server/join"), 0);
  CHECK(node.world.view("server/join").progress == StepProgress::kDone);
  CHECK(node.world.manager.started["klubster-server-etcd.service"] == 3);
  CHECK(node.world.view("server/etcd").progress == StepProgress::kReady);
}

TEST_CASE("nothing climbs without a failure", "[recovery]") {
  const Plan plan = with_ladder({task("join")});
  EngineWorld world(plan);
  world.settle();
  CHECK(climb_of(world, plan).rung == Rung::kNone);
  world.finish(world.unit_of("server/join"), 0);
  CHECK(climb_of(world, plan).rung == Rung::kNone);
}

TEST_CASE("the clock of a trial goes on in another process", "[recovery]") {
  TrialClock before;
  (void)before.spent_usec(7, 100);
  before.set_running(true);
  (void)before.spent_usec(7, 150);

  TrialClock after;
  after.go_on(before.time());
  CHECK(after.spent_usec(7, 180) == 80);
  after.set_running(false);
  CHECK(after.spent_usec(7, 500) == 80);
  CHECK(after.time() == TrialTime{7, 80, 0, false});
}

TEST_CASE("what a trial clock shows changes only when it starts or stops", "[recovery]") {
  TrialClock clock;
  (void)clock.spent_usec(1, 100);
  clock.set_running(true);
  const TrialTime begun = clock.time();
  (void)clock.spent_usec(1, 150);
  clock.set_running(true);
  CHECK(clock.time() == begun);
}

TEST_CASE("as many short boots in a row as the config says are too many", "[recovery]") {
  NodeState state;
  state.generation = facts(1);
  state.short_boots = 3;
  CHECK(too_many_boots(state, 4).empty());
  CHECK(too_many_boots(state, 0).empty());  // any number
  CHECK(too_many_boots(state, 3) ==
        "3 boots in a row ended within 10m of the start, and klubster did not order it");
  state.gone = true;  // nothing of ours runs
  CHECK(too_many_boots(state, 3).empty());
}

TEST_CASE("after too many short boots not even what was ready is started", "[recovery]") {
  const bool keeps_rebooting = GENERATE(true, false);
  Failed node(with_ladder({service("etcd")}));
  REQUIRE(node.world.view("server/etcd").progress == StepProgress::kReady);
  node.world.shell->record(
      recovery_entered({keeps_rebooting ? kKeepsRebooting : "Asked", "again", "", {}}));
  node.world.power_cut_and_boot();
  const bool runs = !node.world.unit_of("server/etcd").empty();
  CHECK(runs != keeps_rebooting);
  if (!keeps_rebooting) return;
  CHECK(node.world.manager.units.empty());

  node.world.shell->record(recovery_left("root"));
  node.world.settle();
  CHECK(node.world.view("server/etcd").progress == StepProgress::kReady);
}
