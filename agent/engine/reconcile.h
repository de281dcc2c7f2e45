// The decision: what to record and what to do next, from plan, past and present. Pure.
//
// It is called after every change and again after every batch of events, until it returns none.
// Nothing in it remembers anything: a process that dies between two calls decides the same again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/outcome.h"
#include "engine/plan.h"
#include "engine/recovery.h"
#include "engine/unit.h"
#include "model/event.h"
#include "model/node_state.h"

namespace klubster {

// What klubster-peerd says of a step's `needs`.
struct NeedView {
  bool satisfied = false;
  std::string waiting_for;      // "server Ready at any of n1, n2"
  std::string reason, message;  // a problem that a person must see, else empty
  bool away = false;            // satisfied by peers that cannot be reached now
};

// A step's outputs, read from its file and kept on disk.
struct OutputsView {
  Json digests;                 // by name
  std::string reason, message;  // why they were refused; empty: they are kept
};

// The present, as far as anybody asked for it. Everything here is volatile.
struct World {
  std::string boot;
  std::uint64_t now_mono_usec = 0;
  std::string held;  // what every start waits for; empty: nothing
  // What steps of a phase wait for that were never done, by phase.
  std::map<std::string, std::string> held_phases;
  bool collecting = false;                    // klubster-store removes what nobody needs
  bool stopping = false;                      // the machine goes down: what dies now did not fail
  std::map<std::string, UnitSnapshot> units;  // absent: not watched yet
  std::set<std::string> starting;             // sent to systemd, not answered
  std::set<std::string> answered;             // sent and answered: what is not there now, has ended
  std::map<std::string, std::uint64_t> probe_ended;  // probe unit -> when its last try ended
  std::map<std::string, std::string> broken;         // unit -> why systemd could not set it up last
  std::map<std::string, NeedView> needs;             // by subject
  std::map<std::string, OutputsView> outputs;        // by subject, of the present run
  std::map<std::string, std::uint64_t> rechecked;    // when a done step's check last answered
  std::uint64_t recheck_asked_mono_usec = 0;         // answers from before are not enough
  std::uint64_t trial_spent_usec = 0;                // see TrialClock
};

enum class Stage { kRun, kReady, kCheck, kVerify, kUndo };
// "run", "ready", …: in names of units and in the journal.
std::string_view to_string(Stage stage);

struct WatchUnit {
  std::string unit;
};
struct StartUnit {
  std::string subject;
  Stage stage = Stage::kRun;
  std::string unit;
  std::uint64_t attempt = 1;
};
// Stops and forgets the unit, whatever state it is in; its snapshot becomes "not-found".
struct ReleaseUnit {
  std::string unit;
};
// Reads the outputs file of the run, keeps it, and puts the result into the world.
struct KeepOutputs {
  std::string subject;
};
// The check of a step that is done has answered.
struct NoteRecheck {
  std::string subject;
};
struct Reboot {};
using Action = std::variant<WatchUnit, StartUnit, ReleaseUnit, KeepOutputs, NoteRecheck, Reboot>;

enum class StepProgress {
  kPending,
  kWaiting,
  kChecking,
  kRunning,
  kStarting,
  kReady,
  kDone,
  kSkipped,
  kFailed,
  kRetrying,
  kNeedsPerson,
  kObsolete,  // of an earlier generation, and may not be undone yet
  kUndoing,
  kUndone,
};
std::string_view to_string(StepProgress progress);

struct StepView {
  std::string subject;
  StepProgress progress = StepProgress::kPending;
  std::string reason, message;  // of a failure, a wait, or "Drifted" of a step that is done
  std::string unit;
  std::uint64_t attempt = 0;
  bool patient = false;  // a service that could once, and gets all the time it needs to be ready
  Fault fault = Fault::kOwn;  // of one that has failed
  bool settled() const {
    return progress == StepProgress::kReady || progress == StepProgress::kDone ||
           progress == StepProgress::kSkipped;
  }
  // For good: nothing comes of it any more unless a person asks.
  bool failed() const {
    return progress == StepProgress::kFailed || progress == StepProgress::kNeedsPerson;
  }
  bool at_rest() const { return settled() || failed(); }
};

// Whether a step moves by itself now. One that waits for something else (peers, its next try, a
// person) does not.
bool moves(const StepView& view);

struct Decision {
  std::vector<Event> events;  // to be durable before the actions
  std::vector<Action> actions;
  std::optional<std::uint64_t> wake_mono_usec;  // decide again then, if nothing happens before
  std::vector<StepView> views;                  // one for each step of the plan, in its order
  std::vector<StepView> commands;               // likewise of plan.commands
  std::vector<StepView> obsolete;               // likewise
  bool rechecking = false;                      // a done step's check has still to answer
  bool ready = false;                           // all phases are
  // What is due. Reboots and recovery mode are in `events` already; a rollback is for who has the
  // generations.
  Climb climb;
};

Decision reconcile(const Plan& plan, const NodeState& state, const World& world);

// When a failed subject may run again: exponential back-off with jitter (the same for the same
// subject and attempt), in the boot of the failure; at once after a reboot.
std::uint64_t retry_at_usec(const std::string& subject, const SubjectState& past,
                            const RetrySpec& retry, const std::string& boot);

// "klubster-step-agent-join-1a2b3c4d-a1.service"; a service's own name or
// "klubster-server-etcd.service".
std::string run_unit_name(const Step& step, std::uint64_t starts);
// "klubster-ready-server-etcd.service"
std::string probe_unit_name(const Step& step, Stage stage);

}  // namespace klubster
