// The world stops before every append, with and without a reboot: what holds then must hold.
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

// `stops`: before which appends the world stops, one after the other; returns how often it did.
int run_with_stops(unsigned seed, std::vector<int> stops, bool reboots) {
  std::mt19937 random(seed);
  const Plan plan = random_plan(random);
  EngineWorld world(plan);
  int stopped = 0;
  for (int turn = 0; turn < 10; ++turn) {
    world.store.stop_before = stops.empty() ? -1 : stops.front();
    if (!stops.empty()) stops.erase(stops.begin());
    try {
      run_to_rest(world);
      break;
    } catch (const WorldStopped&) {
      ++stopped;
      world.store.stop_before = -1;
      if (reboots) {
        world.manager.power_cut();
        world.store.boot += "+";
      }
      world.start_agent();
    }
  }
  INFO("seed " << seed << (reboots ? ", with reboots" : ""));
  REQUIRE(world.shell->decision().ready);
  check_order(world, plan);
  for (const auto& step : plan.steps) {
    const auto& past = world.shell->state().subject(step.subject);
    REQUIRE(past.done_fingerprint == step.fingerprint);
    int started = 0;
    for (const auto& [name, times] : world.manager.started) {
      if (name.find("-" + step.spec.id + "-") == std::string::npos &&
          name != "klubster-server-" + step.spec.id + ".service") {
        continue;
      }
      if (name.find("ready") == std::string::npos) started += times;
    }
    if (reboots) {
      REQUIRE(started >= 1);
    } else {
      REQUIRE(started == 1);  // exactly once, whenever the agent died
    }
  }
  for (const auto& [name, unit] : world.manager.units)
    REQUIRE(unit.service);  // nothing leaked
  REQUIRE(world.store.events.back().type == "GenerationReady");
  return stopped;
}

}  // namespace

TEST_CASE("the agent may die before any append, and each step still runs exactly once",
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

TEST_CASE("the machine may lose power before any append, and each step is done in the end",
          "[engine][crash]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    for (int at = 0;; ++at) {
      if (run_with_stops(seed, {at}, true) == 0) break;
    }
  }
}
