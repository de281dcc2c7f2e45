// What productive-k3s' telemetry is told, made from the event log alone. Pure.
//
// Each run that is told to have begun is told to have ended, with the result that the log knows,
// whatever process reads the log: that is why nothing here is remembered but the ledger, which is
// kept on disk, and why ids follow from the event that began a run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/event.h"
#include "model/node_state.h"

namespace klubster {

// What the log does not say.
struct TelemetryFacts {
  std::string salt;      // of this machine: who does not know it cannot guess an id
  std::string scenario;  // of the package in force
  // The mode of Core that this step installs; empty: it is none of Core's.
  std::function<std::string(const std::string& subject)> core_mode = {};
  // The public part of the manifest that Core left in this run of the unit; null: it left none.
  std::function<Json(const std::string& subject, const std::string& unit)> core_run = {};
};

struct TelemetryNote {
  std::string run_id;
  bool completes = false;  // else the run begins
  Json body;               // as productive-k3s sends it, but for `sent_at`
};

// A run that was told to have begun.
struct TelemetryRun {
  std::string event;  // "infra.command", "core.apply.server"
  std::string session_id, run_id, parent_run_id;
  std::string name;      // of the command
  std::string scenario;  // of infra.command
  std::string mode;      // of core.apply
  std::string unit;
  bool ended = false;  // well, as far as its exit code tells: the proof is still to come

  bool operator==(const TelemetryRun&) const = default;
};

// How far the log was read, and what is open.
class TelemetryLedger {
 public:
  // Consent begins here: what the node did before is not told.
  static TelemetryLedger begin(const NodeState& state);
  // A fresh one for what to_json() does not write.
  static Result<TelemetryLedger> from_json(const Json& json);
  Json to_json() const;

  std::uint64_t seq() const { return seq_; }
  // The next event of the log.
  std::vector<TelemetryNote> take(const Event& event, const TelemetryFacts& facts);
  // The node is ready now, which no event says of one that left and came back: its apply is over.
  std::vector<TelemetryNote> ready(const TelemetryFacts& facts);
  // Where events are missing (a damaged log, one that was begun anew): what is open and does not
  // run any more ends as the state says.
  std::vector<TelemetryNote> catch_up(const NodeState& state, const TelemetryFacts& facts);
  // Its beginning will not be told after all: neither will its end.
  void forget(const std::string& run_id);

  // Under which ids Core is run; empty strings while nothing is told.
  struct Context {
    std::string session_id, parent_run_id;
  };
  Context context() const;

  bool operator==(const TelemetryLedger&) const = default;

 private:
  using Notes = std::vector<TelemetryNote>;
  void begin_command(const Event& event, const TelemetryFacts& facts, const std::string& name,
                     Notes& notes);
  void apply_begins(const Event& event, const TelemetryFacts& facts, Notes& notes);
  void begin_core(const Event& event, const TelemetryFacts& facts, Notes& notes);
  void end(const std::string& key, bool success, const TelemetryFacts& facts, Notes& notes);
  void run_ended(const Event& event, const std::string& subject, const TelemetryFacts& facts,
                 Notes& notes);

  std::uint64_t seq_ = 0;
  std::map<std::string, TelemetryRun> open_;  // by subject; the command's is empty
  std::set<std::string> failed_;              // subjects, of the present generation
  std::uint64_t generation_ = 0, good_ = 0;
  bool left_ = false;  // and is not ready again, as far as is known
};

}  // namespace klubster
