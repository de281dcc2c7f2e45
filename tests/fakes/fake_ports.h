// The other ports of the engine, held in memory.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/ports.h"
#include "engine/step_unit.h"

namespace klubster {

// Thrown by the fakes to stop the world: what was stored before stays.
struct WorldStopped : std::runtime_error {
  WorldStopped() : std::runtime_error("the world stopped") {}
};

class MemoryStore : public EventStore {
 public:
  std::vector<Event> events;
  std::string boot = "boot-1";
  std::uint64_t now = 1'000'000;
  int stop_before = -1;  // the action of this number never happens; -1: all do
  std::size_t durable = 0;
  int syncs = 0;

  // An append is one, and a sync; others may be counted with them.
  void count_action() {
    if (stop_before == 0) throw WorldStopped();
    if (stop_before > 0) --stop_before;
  }
  Status append(std::vector<Event>& added) override {
    count_action();
    for (auto& event : added) {
      event.seq = events.size() + 1;
      event.boot = boot;
      event.mono_usec = now;
      event.time_usec = now;
      events.push_back(event);
    }
    return {};
  }
  Status sync() override {
    count_action();
    durable = events.size();
    ++syncs;
    return {};
  }
  void lose_power() { events.resize(durable); }
  // Everything that a power cut may not take is durable.
  bool is_ahead() const {
    return std::all_of(events.begin() + static_cast<std::ptrdiff_t>(durable), events.end(),
                       [](const Event& event) { return event.type == "RunSeen"; });
  }
  // What a new process reads, which is durable then.
  NodeState open() {
    durable = events.size();
    return fold();
  }
  NodeState fold() const {
    NodeState state;
    for (const auto& event : events)
      state.fold(event);
    return state;
  }
};

class ManualTimers : public Timers {
 public:
  std::uint64_t now = 1'000'000;
  std::optional<std::uint64_t> due;
  std::function<void()> handler;

  void wake_at(std::uint64_t mono_usec, std::function<void()> wake) override {
    due = mono_usec;
    handler = std::move(wake);
  }
  void cancel() override { due.reset(); }
  std::uint64_t now_mono_usec() const override { return now; }

  // Jumps to the requested time and wakes; false when nobody asked.
  bool fire() {
    if (!due) return false;
    now = std::max(now, *due);
    due.reset();
    const auto wake = handler;
    wake();
    return true;
  }
};

class FakeSteps : public StepHost {
 public:
  std::map<std::string, OutputsView> outputs;

  Result<TransientUnit> prepare(const Plan& plan, const Step& step,
                                const StartUnit& start) override {
    StepSurroundings around;
    around.node = "n1";
    return make_step_unit(plan, step, start, around);
  }
  OutputsView keep_outputs(const Step& step) override { return outputs[step.subject]; }
};

class FakeWorkers : public WorkerHost {
 public:
  std::set<WorkerStage> on_disk;
  std::map<WorkerStage, WorkerVerdict> verdicts;
  std::set<WorkerStage> medium;  // what a medium has
  bool medium_refused = false;
  bool from_medium = false;  // the last unpack was of the medium
  int drops = 0;

  Result<TransientUnit> prepare(const StartWorker& start) override {
    from_medium = start.medium;
    TransientUnit unit;
    unit.name = start.unit;
    unit.set("Type", std::string("oneshot"));
    unit.set("ExecStart", ExecCommand{{"/usr/lib/klubster/worker"}});
    return unit;
  }
  WorkerVerdict read_result(WorkerStage stage) override {
    if (verdicts[stage].ok) on_disk.insert(stage);
    return verdicts[stage];
  }
  std::set<WorkerStage> present() override { return on_disk; }
  std::set<WorkerStage> at_hand() override {
    return medium_refused ? std::set<WorkerStage>{} : medium;
  }
  void refuse_medium() override { medium_refused = true; }
  void drop_downloads() override { ++drops; }
};

}  // namespace klubster
