// NodeState: the fold of all events, what the agent knows about its own past.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/event.h"

namespace klubster {

// A run that was started and has not ended as far as the log knows.
struct OpenRun {
  std::string unit;
  std::string fingerprint;
  std::string boot;
  std::uint64_t started_mono_usec = 0;
  std::uint64_t attempt = 0;
  bool seen = false;  // systemd had it
  // How the run before it failed, if that was of the same fingerprint; empty: it did not.
  std::string reason_before, message_before;

  bool operator==(const OpenRun&) const = default;
};

struct SubjectState {
  std::optional<OpenRun> run;
  std::string done_fingerprint;      // with which it last succeeded; empty: never
  std::string done_boot;             // in which boot that was
  std::uint64_t done_mono_usec = 0;  // and when
  Json outputs;                      // name -> digest, of the last success
  Json done_parts;                   // of done_fingerprint, kept when that goes; null: not known
  std::string last_fingerprint;      // of the last attempt
  Json last_parts;                   // likewise
  std::string last_unit, last_boot;  // of the last run that ended
  std::uint64_t starts = 0;          // ever: makes unit names unique
  std::uint64_t attempts = 0;        // of last_fingerprint, since success or `klubster apply`
  std::uint64_t lost_by_reboot = 0;  // runs since then that a reboot cut off
  bool ran = false;        // the last run ended well; its check or outputs are still to come
  bool disturbed = false;  // since it was done, a run of another definition began
  bool excused = false;    // it failed for good while peers that it needs were not there
  bool needs_person = false;
  bool owes_undo = false;
  bool undo_abandoned = false;   // it is owed again as soon as the step counts as done again
  std::uint64_t generation = 0;  // of the last run
  std::string profile_sha256;    // likewise
  std::string drift;             // why its check says that it is no longer done; empty: it is
  std::string reason, message;   // of the last failure; empty: none
  std::uint64_t failed_mono_usec = 0;
  std::string failed_boot;
  std::uint64_t retry_after_usec = 0;   // not before this long after the failure
  std::uint64_t changed_time_usec = 0;  // wall clock of the last event about it
  Json facts;                           // digests of the facts received for it
  Json cost;                            // of the last run that ended: see EndedRun

  bool failed() const { return !reason.empty(); }
  // Whether a step of this fingerprint has been done. What another definition may have changed
  // since counts for a service only, which is what runs and nothing else.
  bool is_done(const std::string& fingerprint, bool service) const {
    return !fingerprint.empty() && done_fingerprint == fingerprint && (service || !disturbed);
  }
  bool operator==(const SubjectState&) const = default;
};

// What was asked for by `klubster run`, the newest of each command.
struct CommandRequest {
  std::uint64_t seq = 0;  // of the event: each request runs anew
  std::string by;
  std::map<std::string, std::string> inputs;

  bool operator==(const CommandRequest&) const = default;
};

// An apply that was asked for and is not over.
struct OpenApply {
  std::string by;
  std::uint64_t since_usec = 0;  // wall clock
  bool made = false;             // it has its generation: later changes of the tree are not its own

  bool operator==(const OpenApply&) const = default;
};

// Reboots of the recovery ladder in a row, for one generation.
struct LadderState {
  std::uint64_t generation = 0;
  std::uint64_t reboots = 0;

  bool operator==(const LadderState&) const = default;
};

// Recovery mode.
struct OpenRecovery {
  std::string reason, message;
  std::string by;                // empty: the recovery ladder
  std::uint64_t since_usec = 0;  // wall clock
  TreeMark tree;                 // see EnteredRecovery

  bool operator==(const OpenRecovery&) const = default;
};

// The tree of a generation that was rolled back.
struct AvoidedTree {
  TreeMark tree;
  std::uint64_t generation = 0;  // that was rolled back
  std::string reason, message;   // why

  bool operator==(const AvoidedTree&) const = default;
};

// A boot is short when the next one begins within this time of its start. One that klubster was
// told to end does not count, nor does any while the clock is not known to go forward.
inline constexpr std::uint64_t kShortBootUsec = 600'000'000;

// The cluster that this node belongs to.
struct ClusterMembership {
  std::string id;
  bool initiated = false;  // by this node; else it joined
  bool settled = false;    // its server phase was ready once: it has begun nothing since

  bool operator==(const ClusterMembership&) const = default;
};

// A new field is read and written in model/node_state_json.cpp, which does not compile without.
struct NodeState {
  std::uint64_t last_seq = 0;
  std::uint64_t last_time_usec = 0;
  std::string boot;  // of the last Booted event
  std::string boot_kind, boot_reason;
  std::uint64_t booted_time_usec = 0;         // wall clock of that event
  std::uint64_t short_boots = 0;              // in a row: see kShortBootUsec
  std::string stopped_boot;                   // the last one that ended in order
  std::string blessed_boot;                   // the last one that was good
  std::string config_hash;                    // last accepted
  std::string config_reason, config_message;  // why the tree is refused; empty: it is not
  std::uint64_t config_changed_usec = 0;
  std::optional<AcceptedProfile> profile;
  std::map<std::string, std::uint64_t> key_seq;  // per signer: the ratchet
  std::string downgrade_source;  // where the next profile may be older; empty: nowhere
  std::optional<GenerationFacts> generation;
  std::uint64_t last_good_generation = 0;
  // Those that one may go back to: the last one that was Ready, and the one before.
  std::optional<GenerationFacts> good, good_before;
  std::string collected;  // what the last garbage collection had to keep, as a digest
  std::uint64_t ready_changed_usec = 0;
  std::string reboot_owed_in_boot;  // a step, the ladder or a person asked for it in this boot
  std::string reboot_by;            // who, for people; empty: a step
  LadderState ladder;
  std::uint64_t trial_seq = 0;  // of the event that began the trial, or the trying, anew
  std::optional<OpenRecovery> recovery;
  std::optional<AvoidedTree> avoided;
  std::optional<ClusterMembership> cluster;
  std::optional<SoughtCluster> sought;      // while there is no cluster
  std::optional<PromisedCluster> promised;  // likewise; only leaving takes it back
  bool has_left = false;  // once: what earlier steps left says nothing of a cluster
  std::optional<OpenApply> applying;
  std::string until;             // what the last apply said; see RequestedApply
  bool destroy_allowed = false;  // likewise, until the generation is ready
  bool leaving = false;
  RequestedLeave leave;     // how, while leaving
  bool gone = false;        // has left: nothing runs
  bool reset_owed = false;  // has left to forget everything; `leave` says how
  std::map<std::string, CommandRequest> commands;  // by name
  std::map<std::string, SubjectState> subjects;

  void fold(const Event& event);
  // The reboots of the ladder for this generation.
  std::uint64_t ladder_reboots(std::uint64_t generation_number) const {
    return ladder.generation == generation_number ? ladder.reboots : 0;
  }
  // What the last generation from the tree was made of, and what was read since.
  TreeMark tree() const { return {config_hash, profile ? profile->source : ""}; }
  // What the generation in force was made of; of a rollback, what it was rolled back from. A tree
  // that is newer is still to be tried.
  TreeMark tried_tree() const;
  // Steps that have an undo to run, or a unit in this boot, by the generation that they are of.
  std::map<std::uint64_t, std::set<std::string>> obligations() const;
  // The least seq by signer that a profile from this source must have.
  std::map<std::string, std::uint64_t> ratchet(const std::string& source) const;
  // An empty state when the subject was never heard of.
  const SubjectState& subject(const std::string& name) const;
  bool operator==(const NodeState&) const = default;
};

// Whether fold() knows what events of this type mean; one that it does not know comes from a newer
// klubster.
bool is_known_event(std::string_view type);
// All of them, sorted.
std::vector<std::string_view> event_types();

}  // namespace klubster
