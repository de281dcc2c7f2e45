// The recovery ladder: what comes after a new generation has failed for good (state-recovery.md).
// Pure; the log counts the rungs, so that they hold across reboots.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/rung.h"

namespace klubster {

struct Plan;
struct NodeState;
struct World;
struct Decision;
struct StepView;

struct LadderLimits {
  Rung highest = Rung::kNone;
  std::uint64_t reboots = 0;        // in a row
  std::uint64_t deadline_usec = 0;  // of work, until the generation is ready; 0: none
};

// Why recovery mode was entered when boots end soon after they began, again and again. Then it may
// be what is ready that ends them: nothing at all is started.
inline constexpr const char* kKeepsRebooting = "KeepsRebooting";
// What is said of it; empty: there were not too many. `limit` is recovery/boots, 0: any number.
std::string too_many_boots(const NodeState& state, std::uint64_t limit);

// Whose fault it is that a step does not come to its end.
enum class Fault {
  kOwn,
  kPeers,    // some that it or a step before it stands on are not there
  kUnknown,  // whether they are shows by fault_known_usec()
};
Fault fault_of(const Plan& plan, const NodeState& state, const World& world, const StepView& view);
std::uint64_t fault_known_usec(const NodeState& state, const std::string& subject);
// Whether it is known that peers which a step or one before it needs are not there.
bool misses_peers(const Plan& plan, const World& world, const std::string& subject);

// The next rung to step on, and why: reason and message of the failure.
struct Climb {
  Rung rung = Rung::kNone;
  std::string reason, message;
  std::optional<std::uint64_t> wake_mono_usec;  // ask again then, if nothing happens before
};

// Of the decision's views, when nothing else is left to do at once. A rung is stepped on only
// - for a generation that was never ready here, outside of recovery mode;
// - after a step failed for good that is not the input's fault (is_input_fault()), and nothing
//   moves any more, or once the trial has worked for longer than its deadline;
// - while no step up to that one waits for peers, or stands on some that cannot be reached;
// - not while a step needs a person, who is asked already;
// - not for the phase `stack` while all other phases are ready: a bad chart does not reboot a
//   healthy server.
// Reboots come first, as many as the limits say, then the last good generation, unless this one is
// that one again already, then recovery mode.
Climb next_rung(const Plan& plan, const NodeState& state, const World& world,
                const Decision& decision);

// Whether neither a reboot nor an earlier generation would mend it: what was given to the node has
// to change.
bool is_input_fault(const std::string& reason);

// What a trial clock shows. It changes only when the clock starts or stops.
struct TrialTime {
  std::uint64_t trial = 0;       // number of the event that began the trial
  std::uint64_t spent_usec = 0;  // while it runs: until it began to
  std::uint64_t since_mono_usec = 0;
  bool running = false;
  bool operator==(const TrialTime&) const = default;
};

// How long a trial has worked in this boot. What waits (for peers, the hostname, a person) stops
// the clock. Who keeps time() and hands it to the next process of the boot lets it go on.
class TrialClock {
 public:
  void go_on(const TrialTime& time) { time_ = time; }
  const TrialTime& time() const { return time_; }
  // Of the trial that began with the event of this number: another one begins at 0.
  std::uint64_t spent_usec(std::uint64_t trial, std::uint64_t now_mono_usec);
  // From the moment of the last question on.
  void set_running(bool running);

 private:
  std::uint64_t sum_usec() const;

  TrialTime time_;
  std::uint64_t now_mono_usec_ = 0;
};

// Whether the clock runs: a step moves, or pauses between two tries.
bool works(const Decision& decision);

}  // namespace klubster
