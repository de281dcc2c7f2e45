// Events: what the agent decided and saw, one line of the event log each.
//
// The functions below are the only makers of events; NodeState::fold is their only reader.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

struct Event {
  std::uint64_t seq = 0;        // from 1, without gaps
  std::string boot;             // boot ID of the machine when it was written
  std::uint64_t mono_usec = 0;  // CLOCK_BOOTTIME
  std::uint64_t time_usec = 0;  // wall clock
  std::string type;
  Json data;
};

// Where and when an event is written; filled in by the event store.
struct EventStamp {
  std::string boot;
  std::uint64_t mono_usec = 0;
  std::uint64_t time_usec = 0;
};

// A subject is what runs: a step ("server/etcd"), the undoing of one ("undo/server/etcd") or a
// worker ("profile/package").
struct StartedRun {
  std::string subject;
  std::string fingerprint;
  std::string unit;
  std::uint64_t attempt = 0;  // of this fingerprint, since the last success or `klubster apply`
  std::uint64_t generation = 0;
  bool owes_undo = false;
  Json parts = {};  // of the step's fingerprint (engine/plan.h); null: none
};

enum class RunOutcome { kOk, kFailed, kLost };
struct EndedRun {
  std::string subject;
  std::string unit;
  RunOutcome outcome = RunOutcome::kOk;
  std::string reason, message;  // of a failure
  int exit_code = 0;
  bool reboot = false;                // the exit code asks for a reboot
  bool needs_person = false;          // cut off, and may not run again by itself
  std::uint64_t retry_after_sec = 0;  // what a server asked for (Retry-After)
  Json cost;  // {"wallUsec", "cpuUsec", …}; what was not accounted is absent
};

struct GenerationFacts {
  std::uint64_t number = 0;
  std::string config_hash = {};
  std::string source = {};  // fingerprint of where the profile comes from
  std::string profile_sha256 = {}, profile_name = {}, profile_version = {};
  std::string by = {};            // whose apply made it; empty: it came by itself
  std::uint64_t rollback_of = 0;  // the generation whose config and profile it has again; 0: none

  bool operator==(const GenerationFacts&) const = default;
};

// As in the data of GenerationMade; what is not there is empty.
Json to_json(const GenerationFacts& generation);
GenerationFacts generation_facts_from(const Json& json);

struct AcceptedProfile {
  std::string source, sha256, name, version;
  std::string signer;     // key id, empty when only the digest was pinned
  std::uint64_t seq = 0;  // the signer's

  bool operator==(const AcceptedProfile&) const = default;
};

struct RequestedApply {
  std::string by = {};
  std::string until = {};      // subject of the last step to be begun; empty: all
  bool allow_destroy = false;  // what vanished from the profile may be undone
  // The node has left, and its config changed: it comes back with a new generation, and until that
  // is there nothing of the old one begins.
  bool hold = false;
};

struct RequestedLeave {
  std::string by = {};
  bool destroy = false;   // also what earlier generations left
  bool force = false;     // an undo that fails for good is given up
  bool reset = false;     // afterwards profiles and state are forgotten
  bool identity = false;  // the identity as well

  bool operator==(const RequestedLeave&) const = default;
};

// A config tree and where its profile comes from: what a generation is made of.
struct TreeMark {
  std::string config_hash = {};
  std::string source = {};  // as GenerationFacts::source
  bool operator==(const TreeMark&) const = default;
};

struct OrderedReboot {
  std::uint64_t generation = 0;
  std::string reason = {}, message = {};
  std::string by = {};    // empty: the recovery ladder
  bool recovery = false;  // the next boot is in recovery mode, which is on record before
};

struct Rollback {
  std::uint64_t from = 0, to = 0;  // numbers of generations
  std::string reason = {}, message = {};
  std::string by = {};    // empty: the recovery ladder
  TreeMark avoided = {};  // makes no generation by itself until it changes
};

struct EnteredRecovery {
  std::string reason = {}, message = {};
  std::string by = {};  // empty: the recovery ladder
  TreeMark tree =
      {};  // another one leaves the mode; without a hash it is the next one that is read
};

// A server asks the others to let it form the cluster.
struct SoughtCluster {
  std::string seeks = {};    // makes this asking its own: who was wiped asks under another one
  std::string servers = {};  // digest of the list of servers that it is made against

  bool operator==(const SoughtCluster&) const = default;
};

// That this server knows of no cluster, forms none, and lets another one do so.
struct PromisedCluster {
  std::string to = {};
  std::string machine = {};  // of the one that asked: another machine of that name is another one
  std::string seeks = {}, servers = {};  // as it asked

  bool operator==(const PromisedCluster&) const = default;
};

struct InitiatedCluster {
  std::string id = {};
  std::string servers = {};                // digest of the list
  std::vector<std::string> promised = {};  // by whom
  std::string by = {};                     // who overrode the rules; empty: they held
  bool adopted = false;                    // the cluster is older than its id
};

struct RequestedCommand {
  std::string name = {}, by = {};
  std::map<std::string, std::string> inputs = {};  // none of them sensitive
};

Event booted(const std::string& kind, const std::string& reason);
// The machine goes down in order. Without it the boot is told to have been cut off.
Event stopping();
// What the agent has to do with the boot's being good holds (engine/boot_assessment.h); once a
// boot.
Event boot_blessed(const std::string& kind, const std::string& reason);
Event config_accepted(const std::string& hash);
Event config_rejected(const std::string& reason, const std::string& message);
Event profile_accepted(const AcceptedProfile& profile);
Event generation_made(const GenerationFacts& generation);
Event generation_ready(std::uint64_t number);
// What nobody needs was removed. `kept` is the digest of what had to stay.
Event garbage_collected(const std::string& kept, const std::vector<std::string>& profiles,
                        std::uint64_t files, std::uint64_t bytes);
Event run_started(const StartedRun& run);
// systemd has the unit: from now on its absence means that its result is lost.
Event run_seen(const std::string& subject, const std::string& unit, const std::string& invocation);
Event run_ended(const EndedRun& run);
// A step has reached what it promises: `by` is "run", "ready" or "check"; outputs as name ->
// digest. `parts` of its fingerprint when no run says them.
Event step_done(const std::string& subject, const std::string& fingerprint, const std::string& by,
                const Json& outputs, const Json& parts = {});
// The run ended well, but what it promises is not there.
Event step_failed(const std::string& subject, const std::string& reason,
                  const std::string& message);
// It failed for good while peers that it needs were not there: it is tried again once they are.
Event step_excused(const std::string& subject);
Event needs_met(const std::string& subject, const Json& facts);
// Somebody asked for an apply: what failed is tried again.
Event retry_requested(const RequestedApply& apply);
// What was asked for moves no more: done, or waiting for peers, a retry or a person.
Event apply_ended();
// The ratchet of the signers' numbers does not hold for the next profile from this source (a
// ProfileOrigin's fingerprint).
Event downgrade_allowed(const std::string& source, const std::string& by);
Event leave_requested(const RequestedLeave& leave);
Event left();
// An undo that failed for good was given up, as `--force` asked.
Event undo_abandoned(const std::string& subject, const std::string& message);
// The check of a step that is done fails. `repair`: it is to be done again.
Event step_drifted(const std::string& subject, const std::string& message, bool repair);
Event drift_ended(const std::string& subject);
Event command_requested(const RequestedCommand& command);
// The machine is to reboot, once the tasks that run have ended.
Event reboot_ordered(const OrderedReboot& reboot);
// Directly before the GenerationMade of the generation that it makes.
Event rolled_back(const Rollback& rollback);
// No further phase runs; what is ready goes on.
Event recovery_entered(const EnteredRecovery& recovery);
// Somebody asked to try again. A new generation leaves the mode as well, without this event.
Event recovery_left(const std::string& by);
// The forming of a cluster (engine/forming.h).
Event cluster_sought(const SoughtCluster& sought);
Event cluster_promised(const PromisedCluster& promise);
Event cluster_initiated(const InitiatedCluster& cluster);
// `from`: whose word it is.
Event cluster_joined(const std::string& id, const std::string& from);
// This server's phase was ready for the first time as part of the cluster.
Event cluster_settled(const std::string& id);
// The first event of a log that begins anew.
Event state_reset(const std::string& by);

std::string_view to_string(RunOutcome outcome);

// As `klubster history --json` shows it; the log on disk has lines (model/event_line.h).
Json to_json(const Event& event);

}  // namespace klubster
