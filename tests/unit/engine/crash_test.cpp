// The world stops before every action (append, start, release), with and without a reboot: what
// holds then must hold.
#include <functional>
#include <random>

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

namespace {

constexpr int kRounds = 400;

// A random graph of idempotent tasks and services, each after some of those before it.
Plan random_plan(std::mt19937& random) {
  std::vector<Step> steps;
  const int count = 1 + static_cast<int>(random() % 5);
  for (int i = 0; i < count; ++i) {
    std::vector<std::string> after;
    for (int j = 0; j < i; ++j) {
      if (random() % 2 == 0) after.push_back("s" + std::to_string(j));
    }
    const std::string id = "s" + std::to_string(i);
    steps.push_back(random() % 3 == 0 ? service(id, after) : task(id, after));
    if (random() % 3 == 0) steps.back().spec.ready.run = {"/bin/true"};
    if (random() % 2 == 0) steps.back().spec.undo.run = {"/opt/undo-" + id};
  }
  return plan_of(std::move(steps));
}

// Lets every running task end well until nothing moves.
void run_to_rest(EngineWorld& world) {
  world.settle();
  for (int i = 0; i < kRounds; ++i) {
    std::string running;
    for (const auto& [name, unit] : world.manager.units) {
      if (!unit.service && unit.snapshot.active_state == "activating") running = name;
    }
    if (!running.empty()) {
      world.finish(running, 0);
    } else if (world.timers.due) {
      world.wake();
    } else {
      return;
    }
  }
}

// Order in the log: a step starts only after those that it comes after are done.
void check_order(const EngineWorld& world, const Plan& plan) {
  std::set<std::string> done;
  for (const auto& event : world.store.events) {
    const std::string subject = event.data.text_or("subject");
    if (event.type == "StepDone") done.insert(subject);
    if (event.type != "RunStarted") continue;
    for (const auto& id : plan.find(subject)->spec.after) {
      REQUIRE(done.count(subject_of("server", id)) == 1);
    }
  }
}

int times_started(const EngineWorld& world, const std::string& prefix) {
  int times = 0;
  for (const auto& [name, count] : world.manager.started)
    times += name.starts_with(prefix) ? count : 0;
  return times;
}

// Lets `act` go on until it is through, and stops the world on the way: before which actions,
// one after the other. Returns how often it did.
int with_stops(EngineWorld& world, std::vector<int> stops, bool reboots,
               const std::function<void()>& act) {
  int stopped = 0;
  for (int turn = 0; turn < 10; ++turn) {
    world.store.stop_before = stops.empty() ? -1 : stops.front();
    if (!stops.empty()) stops.erase(stops.begin());
    try {
      act();
      break;
    } catch (const WorldStopped&) {
      ++stopped;
      world.store.stop_before = -1;
      if (reboots) {
        world.manager.power_cut();
        world.store.lose_power();
        world.store.boot += "+";
      }
      world.start_agent();
    }
  }
  return stopped;
}

int run_with_stops(unsigned seed, std::vector<int> stops, bool reboots) {
  std::mt19937 random(seed);
  const Plan plan = random_plan(random);
  EngineWorld world(plan);
  const int stopped = with_stops(world, std::move(stops), reboots, [&] { run_to_rest(world); });
  INFO("seed " << seed << (reboots ? ", with reboots" : ""));
  REQUIRE(world.shell->decision().ready);
  check_order(world, plan);
  for (const auto& step : plan.steps) {
    const auto& past = world.shell->state().subject(step.subject);
    REQUIRE(past.done_fingerprint == step.fingerprint);
    const int started = times_started(world, "klubster-step-server-" + step.spec.id + "-") +
                        times_started(world, "klubster-server-" + step.spec.id + ".service");
    if (reboots) {
      REQUIRE(started >= 1);
    } else {
      REQUIRE(started == 1);  // exactly once, whenever the agent died
    }
  }
  for (const auto& [name, unit] : world.manager.units)
    REQUIRE(unit.service);  // nothing leaked
  // The last record is the final state; a reboot after it starts the services once more.
  REQUIRE(world.shell->state().last_good_generation == plan.generation);
  if (!reboots) REQUIRE(world.store.events.back().type == "GenerationReady");
  return stopped;
}

// The order of undoing in the log: nothing is undone before what came after it.
void check_undo_order(const EngineWorld& world, const Plan& plan) {
  std::set<std::string> undone;
  for (const auto& event : world.store.events) {
    const std::string subject = event.data.text_or("subject");
    if (event.type == "RunEnded" && event.data.text_or("outcome") == "ok") undone.insert(subject);
    if (event.type != "RunStarted" || !subject.starts_with("undo/")) continue;
    bool later = false;
    for (const auto& step : plan.steps) {
      const bool owes = bool{step.spec.undo};
      if (later && owes) REQUIRE(undone.count("undo/" + step.subject) == 1);
      later = later || "undo/" + step.subject == subject;
    }
  }
}

// Half of the steps vanish from the profile, then everything is destroyed.
int destroy_with_stops(unsigned seed, std::vector<int> stops, bool reboots) {
  std::mt19937 random(seed);
  const Plan all = random_plan(random);
  EngineWorld world(all);
  run_to_rest(world);
  Plan plan = all;
  plan.generation = 2;
  const auto half = plan.steps.begin() + static_cast<std::ptrdiff_t>(plan.steps.size() / 2);
  plan.obsolete.assign(plan.steps.begin(), half);
  plan.steps.erase(plan.steps.begin(), half);
  for (auto& step : plan.steps)
    step.spec.after.clear();
  world.use(plan);
  const int stopped = with_stops(world, std::move(stops), reboots, [&] {
    const NodeState& state = world.shell->state();
    if (!state.leaving && !state.gone) {  // whoever got no answer asks again
      world.shell->record(leave_requested({.by = "test", .destroy = true}));
    }
    run_to_rest(world);
  });
  INFO("seed " << seed << (reboots ? ", with reboots" : ""));
  REQUIRE(world.shell->state().gone);
  REQUIRE(world.manager.units.empty());
  REQUIRE(world.store.events.back().type == "Left");
  check_undo_order(world, all);
  for (const auto& step : all.steps) {
    REQUIRE_FALSE(world.shell->state().subject(step.subject).owes_undo);
    const int times = times_started(world, "klubster-undo-server-" + step.spec.id + ".service");
    if (reboots && step.spec.undo) {
      REQUIRE(times >= 1);
    } else {
      REQUIRE(times == (step.spec.undo ? 1 : 0));
    }
  }
  return stopped;
}

// The ladder of a plan with one step that never succeeds, or only in the boot of this number.
int climb_with_stops(std::vector<int> stops, bool reboots, int good_boot) {
  constexpr std::uint64_t kReboots = 2;
  Plan plan = plan_of({service("steady"), task("bad", {"steady"}), task("last", {"bad"})});
  plan.steps[1].spec.retry = {2, 1'000, 1'000};
  plan.ladder = {Rung::kRecovery, kReboots, 0};
  EngineWorld world(plan);
  GenerationFacts facts;
  facts.number = 1;
  int boots = 1;
  const int stopped = with_stops(world, std::move(stops), reboots, [&] {
    if (!world.shell->state().generation) world.shell->record(generation_made(facts));
    for (int i = 0; i < kRounds; ++i) {
      world.settle();
      if (world.manager.reboots > 0) {
        world.manager.reboots = 0;
        ++boots;
        world.power_cut_and_boot();
      }
      std::string running;
      for (const auto& [name, unit] : world.manager.units) {
        if (!unit.service && unit.snapshot.active_state == "activating") running = name;
      }
      const bool bad = running.find("-bad-") != std::string::npos && boots != good_boot;
      if (!running.empty()) {
        world.finish(running, bad ? 1 : 0);
      } else if (world.timers.due) {
        world.wake();
      } else if (world.manager.reboots == 0) {
        return;
      }
    }
    FAIL("it does not come to rest");
  });
  INFO("good boot " << good_boot << (reboots ? ", with power cuts" : ""));
  const NodeState& state = world.shell->state();
  REQUIRE(world.count("RebootOrdered") <= static_cast<int>(kReboots));
  REQUIRE(state.recovery.has_value() != (state.last_good_generation == 1));
  if (good_boot == 0) REQUIRE(state.recovery.has_value());
  if (good_boot == 0) REQUIRE(world.count("RebootOrdered") == static_cast<int>(kReboots));
  if (good_boot == 1) REQUIRE(state.last_good_generation == 1);
  REQUIRE(world.count("RecoveryEntered") == (state.recovery ? 1 : 0));
  REQUIRE(world.manager.units.count("klubster-server-steady.service") == 1);
  return stopped;
}

}  // namespace

TEST_CASE("the ladder ends in recovery mode or ready, wherever the world stops",
          "[engine][crash]") {
  const bool reboots = GENERATE(false, true);
  const int good_boot = GENERATE(0, 1, 2, 3);
  int schedules = 0;
  for (int at = 0;; ++at) {
    ++schedules;
    if (climb_with_stops({at}, reboots, good_boot) == 0) break;
    for (int again = 0; again < 8; ++again)
      climb_with_stops({at, again}, reboots, good_boot);
  }
  CHECK(schedules > 5);
}

TEST_CASE("the agent may die before any action, and each step still runs exactly once",
          "[engine][crash]") {
  int schedules = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    for (int at = 0;; ++at) {
      ++schedules;
      if (run_with_stops(seed, {at}, false) == 0) break;
    }
  }
  CHECK(schedules > 600);
}

TEST_CASE("the agent may die twice", "[engine][crash]") {
  for (unsigned seed = 0; seed < 25; ++seed) {
    for (int at = 0; at < 12; ++at) {
      for (int again = 0; again < 6; ++again)
        run_with_stops(seed, {at, again}, false);
    }
  }
}

TEST_CASE("the machine may lose power before any action, and each step is done in the end",
          "[engine][crash]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    for (int at = 0;; ++at) {
      if (run_with_stops(seed, {at}, true) == 0) break;
    }
  }
}

TEST_CASE("the machine may lose power twice", "[engine][crash]") {
  for (unsigned seed = 0; seed < 25; ++seed) {
    for (int at = 0; at < 12; ++at) {
      for (int again = 0; again < 6; ++again)
        run_with_stops(seed, {at, again}, true);
    }
  }
}

TEST_CASE("a destroy survives every stop, once and twice, and undoes everything in reverse",
          "[engine][crash]") {
  const bool reboots = GENERATE(false, true);
  int schedules = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    for (int at = 0;; ++at) {
      ++schedules;
      if (destroy_with_stops(seed, {at}, reboots) == 0) break;
      destroy_with_stops(seed, {at, at % 5}, reboots);
    }
  }
  CHECK(schedules > 200);
}
