// The shell: keeps the present, asks for decisions, makes events durable, performs actions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/ports.h"

namespace klubster {

class Shell {
 public:
  struct Ports {
    UnitRunner& units;
    EventStore& store;
    Timers& timers;
    StepHost& steps;
    WorkerHost& workers;
  };

  // `state` is the fold of everything that the store holds.
  Shell(Ports ports, NodeState state, std::string boot_id);

  const NodeState& state() const { return state_; }
  const std::optional<Plan>& plan() const { return plan_; }
  const Decision& decision() const { return decision_; }
  const AcquireDecision& acquisition() const { return acquisition_; }

  // Makes the event durable and folds it. Throws when the store refuses: nothing may be
  // acknowledged any more, and a new start reads what became durable.
  void record(Event event);

  // What to work on; settle() takes it up.
  void set_plan(std::optional<Plan> plan) { plan_ = std::move(plan); }
  void set_origin(std::optional<ProfileOrigin> origin);
  // Nothing begins while it is not empty: "the machine's hostname to become n1".
  void set_held(std::string held) { world_.held = std::move(held); }
  void set_needs(std::map<std::string, NeedView> needs) { world_.needs = std::move(needs); }

  // Decides and acts until nothing is left to do now. Safe to call from within a handler of its
  // own.
  void settle();
  // Called at the end of each settle().
  void on_settled(std::function<void()> handler) { settled_ = std::move(handler); }

 private:
  void unit_changed(const UnitSnapshot& snapshot);
  bool settle_once();
  bool acquire_once();
  void append(std::vector<Event> events);
  void perform(const Action& action);
  void perform(const AcquireAction& action);
  void start(const StartUnit& start);
  void start(const StartWorker& start);
  void launch(const std::string& name, const Result<TransientUnit>& unit);

  Ports ports_;
  NodeState state_;
  World world_;
  std::set<std::string> asked_;  // units whose first snapshot is still to come
  std::optional<Plan> plan_;
  std::optional<ProfileOrigin> origin_;
  std::map<WorkerStage, WorkerVerdict> verdicts_;
  Decision decision_;
  AcquireDecision acquisition_;
  std::function<void()> settled_;
  bool settling_ = false;
  bool again_ = false;
};

}  // namespace klubster
