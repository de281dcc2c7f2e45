// The shell: keeps the present, asks for decisions, makes events durable, performs actions.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "engine/ports.h"

namespace klubster {

// Thrown when the store takes no event: nothing may be acknowledged any more.
struct StoreRefused : std::runtime_error {
  explicit StoreRefused(Error error) : std::runtime_error(error.message()), why(std::move(error)) {}
  Error why;
};

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
  const World& world() const { return world_; }
  const Decision& decision() const { return decision_; }
  const AcquireDecision& acquisition() const { return acquisition_; }

  // Makes the event durable and folds it. Throws StoreRefused: a new start reads what became
  // durable.
  void record(Event event);
  // Likewise, all with one write.
  void record(std::vector<Event> events);

  // From now on nothing is begun, ended, released or made durable: units are watched, decisions
  // are told, and what record() gets is known in memory alone. For a store that takes nothing.
  void only_look() { looks_ = true; }

  // What to work on; settle() takes it up.
  void set_plan(std::optional<Plan> plan) { plan_ = std::move(plan); }
  void set_origin(std::optional<ProfileOrigin> origin);
  // Nothing begins while it is not empty: "the machine's hostname to become n1".
  void set_held(std::string held) { world_.held = std::move(held); }
  // Likewise in this phase, but for what was done before; nothing of it waits when it is empty.
  void set_phase_held(const std::string& phase, const std::string& held) {
    if (held.empty()) {
      world_.held_phases.erase(phase);
    } else {
      world_.held_phases[phase] = held;
    }
  }
  // While it is true, no worker of the profile begins.
  void set_collecting(bool collecting) { world_.collecting = collecting; }
  void set_needs(std::map<std::string, NeedView> needs) { world_.needs = std::move(needs); }
  const std::map<std::string, NeedView>& needs() const { return world_.needs; }

  // For a unit that is neither a step's nor brings the profile: what is known of it is in world(),
  // and a change of it ends in on_settled().
  void watch(const std::string& unit);
  void launch(const std::string& name, const Result<TransientUnit>& unit);
  void release(const std::string& unit) { ports_.units.release(unit); }

  // Of an earlier process in this boot: the trial's clock goes on from there.
  void set_trial_time(const TrialTime& time) { trial_clock_.go_on(time); }
  const TrialTime& trial_time() const { return trial_clock_.time(); }

  // Asks the checks of all steps that are done again; decision().rechecking until all answered.
  void recheck();

  // Decides and acts until nothing is left to do now. Safe to call from within a handler of its
  // own.
  void settle();
  // Whether something moves by itself: a profile is being brought, a step runs or is undone. Not
  // what waits for peers, its next try or a person, and no command. Known at the end of a settle().
  bool moves() const;
  // Called at the end of each settle().
  void on_settled(std::function<void()> handler) { settled_ = std::move(handler); }

 private:
  void unit_changed(const UnitSnapshot& snapshot);
  bool settle_once();
  bool acquire_once();
  void look();
  void append(std::vector<Event> events);
  void sync();
  void perform(const Action& action);
  void perform(const AcquireAction& action);
  void release_units();
  void start(const StartUnit& start);
  void start(const StartWorker& start);

  Ports ports_;
  NodeState state_;
  World world_;
  std::set<std::string> asked_;     // units whose first snapshot is still to come
  std::set<std::string> released_;  // units that may go once everything else is under way
  std::optional<Plan> plan_;
  std::optional<ProfileOrigin> origin_;
  std::map<WorkerStage, WorkerVerdict> verdicts_;
  // What is on the disk of the profile; looked at anew in each round and after each action.
  std::optional<std::set<WorkerStage>> present_;
  Decision decision_;
  AcquireDecision acquisition_;
  TrialClock trial_clock_;
  std::function<void()> settled_;
  bool unsynced_ = false;  // something was recorded that is not durable yet, and has to be
  bool looks_ = false;
  bool settling_ = false;
  bool again_ = false;
};

}  // namespace klubster
