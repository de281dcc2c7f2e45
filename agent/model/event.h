// Events: what the agent decided and saw, one line of the event log each.
//
// The functions below are the only makers of events; NodeState::fold is their only reader.
#pragma once

#include <cstdint>
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
  std::string config_hash;
  std::string source;  // fingerprint of where the profile comes from
  std::string profile_sha256, profile_name, profile_version;
};

struct AcceptedProfile {
  std::string source, sha256, name, version;
  std::string signer;     // key id, empty when only the digest was pinned
  std::uint64_t seq = 0;  // the signer's
};

Event booted(const std::string& kind, const std::string& reason);
Event config_accepted(const std::string& hash);
Event config_rejected(const std::string& reason, const std::string& message);
Event profile_accepted(const AcceptedProfile& profile);
Event generation_made(const GenerationFacts& generation);
Event generation_ready(std::uint64_t number);
Event run_started(const StartedRun& run);
// systemd has the unit: from now on its absence means that its result is lost.
Event run_seen(const std::string& subject, const std::string& unit, const std::string& invocation);
Event run_ended(const EndedRun& run);
// A step has reached what it promises: `by` is "run", "ready" or "check"; outputs as name ->
// digest.
Event step_done(const std::string& subject, const std::string& fingerprint, const std::string& by,
                const Json& outputs);
// The run ended well, but what it promises is not there.
Event step_failed(const std::string& subject, const std::string& reason,
                  const std::string& message);
Event needs_met(const std::string& subject, const Json& facts);
Event retry_requested(const std::string& by);
Event leave_requested(const std::string& by);
Event left();

std::string_view to_string(RunOutcome outcome);

// One line without the newline: {"boot","data","mono","prev","seq","time","type"}.
std::string event_line(const Event& event, const std::string& prev_hash);
struct ParsedEvent {
  Event event;
  std::string prev_hash;
};
Result<ParsedEvent> parse_event(std::string_view line);
Json to_json(const Event& event);

}  // namespace klubster
