// A small world for engine tests: fakes, a shell over them, and plans made by hand.
#pragma once

#include <memory>

#include "engine/shell.h"
#include "tests/fakes/fake_ports.h"
#include "tests/fakes/fake_units.h"
#include "tests/unit/catch.h"

namespace klubster {

inline Step task(const std::string& id, std::vector<std::string> after = {}) {
  Step step;
  step.phase = "server";
  step.subject = subject_of("server", id);
  step.spec.id = id;
  step.spec.run = {"/opt/" + id};
  step.spec.after = std::move(after);
  step.spec.idempotent = true;
  step.profile_dir = "/profile";
  step.fingerprint = "fingerprint-of-" + id;
  return step;
}

inline Step service(const std::string& id, std::vector<std::string> after = {}) {
  Step step = task(id, std::move(after));
  step.spec.kind = StepKind::kService;
  return step;
}

inline Plan plan_of(std::vector<Step> steps) {
  Plan plan;
  plan.generation = 1;
  plan.phases = {"server"};
  plan.steps = std::move(steps);
  return plan;
}

// What survives a crash of the agent, and an agent over it that can be thrown away.
class EngineWorld {
 public:
  FakeManager manager;
  MemoryStore store;
  ManualTimers timers;
  FakeSteps steps;
  FakeWorkers workers;
  std::unique_ptr<FakeUnits> units;
  std::unique_ptr<Shell> shell;

  explicit EngineWorld(Plan plan) : plan_(std::move(plan)) {
    start_agent();
    manager.before_action = [this] {
      store.count_action();
      REQUIRE(store.is_ahead());
    };
  }

  // A new process: it knows the log and what systemd has, nothing else.
  void start_agent() {
    shell.reset();
    units = std::make_unique<FakeUnits>(manager);
    timers.cancel();
    shell = std::make_unique<Shell>(Shell::Ports{*units, store, timers, steps, workers},
                                    store.open(), store.boot);
    shell->set_plan(plan_);
  }
  void use(Plan plan) {
    plan_ = std::move(plan);
    shell->set_plan(plan_);
    settle();
  }
  void settle() {
    store.now = timers.now;
    shell->settle();
    units->deliver_all();
  }
  void power_cut_and_boot() {
    manager.power_cut();
    store.lose_power();
    store.boot += "+";
    start_agent();
    settle();
  }
  void finish(const std::string& unit, int exit_code) {
    manager.finish(unit, exit_code);
    units->deliver_all();
  }
  void wake() {
    timers.fire();
    store.now = timers.now;
    units->deliver_all();
  }
  StepView view(const std::string& subject) const {
    for (const auto& view : shell->decision().views) {
      if (view.subject == subject) return view;
    }
    return {};
  }
  std::string unit_of(const std::string& subject) const {
    const auto& run = shell->state().subject(subject).run;
    return run ? run->unit : "";
  }
  int count(const std::string& type) const {
    int found = 0;
    for (const auto& event : store.events)
      found += event.type == type ? 1 : 0;
    return found;
  }

 private:
  Plan plan_;
};

// A node that joined by its only step, which can be undone, and is told to leave.
class LeavingWorld : public EngineWorld {
 public:
  LeavingWorld() : EngineWorld(joining()) {
    settle();
    finish(unit_of("server/join"), 0);
    shell->record(leave_requested({.by = "test"}));
    settle();
  }

 private:
  static Plan joining() {
    Plan plan = plan_of({task("join")});
    plan.steps[0].spec.undo.run = {"/opt/undo-join"};
    return plan;
  }
};

}  // namespace klubster
