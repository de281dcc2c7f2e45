// Telemetry of this node: the outbox on disk, and the worker that empties it. Off unless told.
//
// klubsterd writes files and starts a unit; it is klubster-fetch, with nothing but the network,
// that sends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/places.h"
#include "daemon/worker_units.h"
#include "engine/lone_worker.h"
#include "engine/shell.h"
#include "engine/telemetry.h"
#include "model/node_config.h"

namespace klubster {

// The only unit that sends: a new process of the daemon finds by it what an earlier one began.
inline constexpr const char* kTelemetryUnit = "klubster-worker-telemetry.service";

class Telemetry {
 public:
  // Up to `limit` events of the log from number `since_seq` on.
  using EventReader =
      std::function<Result<std::vector<Event>>(std::uint64_t since_seq, std::size_t limit)>;

  // `salt` is this machine's own secret.
  Telemetry(Shell& shell, Timers& timers, Places places, std::string salt, EventReader read_events);

  // What the tree says now. Without consent all that waits is forgotten.
  void configure(const TelemetrySettings& settings);
  void set_scenario(std::string scenario) { scenario_ = std::move(scenario); }
  // After each settling of the shell.
  void advance();
  // NAME=value for a step that runs Core; none without consent.
  std::vector<std::string> environment();
  // Null without consent: "waiting", "delivered", "dropped", "refused", "message".
  Json status() const;

 private:
  struct Parcel {
    std::string name;  // of its file: the order of the names is that of the events
    std::string run_id;
    bool completes = false;
    std::uint64_t bytes = 0;
  };

  TelemetryFacts facts() const;
  void open();
  void close();
  void read_log();
  void take_readiness();
  bool post(std::uint64_t seq, const std::vector<TelemetryNote>& notes, std::size_t first = 0);
  void keep_within_bounds();
  void remove(const std::string& name);
  void keep_ledger();
  bool is_due() const;
  Result<TransientUnit> prepare();
  void finish(const Result<Json>& result);
  void pause(std::uint64_t at_least_sec);
  std::string outbox() const { return places_.telemetry() + "/outbox"; }
  std::string ledger_file() const { return places_.telemetry() + "/ledger.json"; }
  WorkerFiles sender_files() const;

  Shell& shell_;
  Timers& timers_;
  LoneWorker sender_;
  Places places_;
  std::string salt_, scenario_;
  EventReader read_events_;
  TelemetrySettings settings_;
  std::optional<TelemetryLedger> ledger_, kept_;  // as known, and as it is on disk
  std::vector<Parcel> parcels_;                   // oldest first
  std::map<std::string, unsigned> tries_;         // that failed, by name; of this process
  std::uint64_t delivered_ = 0, dropped_ = 0, refused_ = 0;
  std::string message_;  // of the last try, if it failed
  std::uint64_t pause_usec_ = 0, next_try_usec_ = 0;
  bool configured_ = false;
};

}  // namespace klubster
