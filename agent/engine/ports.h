// The seams: the few interfaces through which the engine reaches the world.
//
// linux/ and daemon/ implement them; tests use fakes that hold state, and contract tests run the
// same cases against both.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/acquire.h"
#include "engine/reconcile.h"
#include "model/event.h"

namespace klubster {

// Starts, watches and releases systemd units. Answers come through the handler, never from within
// a call.
class UnitRunner {
 public:
  virtual ~UnitRunner() = default;

  // Called with a fresh snapshot of a watched unit: once after watch(), then on every change.
  virtual void on_change(std::function<void(const UnitSnapshot&)> handler) = 0;
  // Watches a unit until it is released; it need not exist.
  virtual void watch(const std::string& unit) = 0;
  // Starts a transient unit (and watches it). Snapshots that come afterwards are from after the
  // start. When systemd refuses, the snapshot carries start_error.
  virtual void start(const TransientUnit& unit) = 0;
  // Starts a unit that the machine has.
  virtual void start_existing(const std::string& unit) = 0;
  // Stops the unit and lets systemd forget it; the snapshot "not-found" follows.
  virtual void release(const std::string& unit) = 0;
  virtual void reboot() = 0;
};

// The durable, append-only record. An error means that nothing may be acknowledged any more.
class EventStore {
 public:
  virtual ~EventStore() = default;
  // Stamps and writes the events in order; afterwards they carry their seq, boot and times. They
  // outlive this process, and a power cut once sync() has returned.
  virtual Status append(std::vector<Event>& events) = 0;
  virtual Status sync() = 0;
};

// What a step needs around its unit: files, credentials, and where its outputs went.
class StepHost {
 public:
  virtual ~StepHost() = default;
  // The unit of this action, with everything on disk that it binds in. An error counts as a
  // refused start.
  virtual Result<TransientUnit> prepare(const Plan& plan, const Step& step,
                                        const StartUnit& start) = 0;
  // Reads the outputs of the step's present run and keeps them durably.
  virtual OutputsView keep_outputs(const Step& step) = 0;
};

// The same for the workers that bring the profile.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  virtual Result<TransientUnit> prepare(const StartWorker& start) = 0;
  virtual WorkerVerdict read_result(WorkerStage stage) = 0;
  // Which stages' products are on the disk for the present origin.
  virtual std::set<WorkerStage> present() = 0;
  // What a medium brought for it, and was not refused: the package, perhaps with its signature.
  virtual std::set<WorkerStage> at_hand() = 0;
  virtual void refuse_medium() = 0;
  virtual void drop_downloads() = 0;
};

// One wake-up call: the newest request replaces the one before.
class Timers {
 public:
  virtual ~Timers() = default;
  virtual void wake_at(std::uint64_t mono_usec, std::function<void()> handler) = 0;
  virtual void cancel() = 0;
  virtual std::uint64_t now_mono_usec() const = 0;
};

}  // namespace klubster
