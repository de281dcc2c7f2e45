// NodeState: the fold of all events, what the agent knows about its own past.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

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
};

struct SubjectState {
  std::optional<OpenRun> run;
  std::string done_fingerprint;      // with which it last succeeded; empty: never
  std::string done_boot;             // in which boot that was
  Json outputs;                      // name -> digest, of the last success
  std::string last_fingerprint;      // of the last attempt
  std::string last_unit, last_boot;  // of the last run that ended
  std::uint64_t starts = 0;          // ever: makes unit names unique
  std::uint64_t attempts = 0;        // of last_fingerprint, since success or `klubster apply`
  bool ran = false;  // the last run ended well; its check or outputs are still to come
  bool needs_person = false;
  bool owes_undo = false;
  std::string reason, message;  // of the last failure; empty: none
  std::uint64_t failed_mono_usec = 0;
  std::string failed_boot;
  std::uint64_t retry_after_usec = 0;   // not before this long after the failure
  std::uint64_t changed_time_usec = 0;  // wall clock of the last event about it
  Json facts;                           // digests of the facts received for it

  bool failed() const { return !reason.empty(); }
};

struct NodeState {
  std::uint64_t last_seq = 0;
  std::uint64_t last_time_usec = 0;
  std::string boot;  // of the last Booted event
  std::string boot_kind, boot_reason;
  std::string config_hash;                    // last accepted
  std::string config_reason, config_message;  // why the tree is refused; empty: it is not
  std::uint64_t config_changed_usec = 0;
  std::optional<AcceptedProfile> profile;
  std::map<std::string, std::uint64_t> key_seq;  // per signer: the ratchet
  std::optional<GenerationFacts> generation;
  std::uint64_t last_good_generation = 0;
  std::uint64_t ready_changed_usec = 0;
  std::string reboot_owed_in_boot;  // a step asked for a reboot in this boot
  bool leaving = false;
  bool gone = false;  // has left: nothing runs
  std::map<std::string, SubjectState> subjects;

  void fold(const Event& event);
  // An empty state when the subject was never heard of.
  const SubjectState& subject(const std::string& name) const;
};

}  // namespace klubster
