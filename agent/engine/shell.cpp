// Performing decisions. Write ahead: events are durable before the actions that follow them.
#include "engine/shell.h"

#include <algorithm>
#include <stdexcept>

#include "base/log.h"

namespace klubster {

namespace {

// More rounds than this without rest would be a decision that contradicts itself.
constexpr int kRoundLimit = 10'000;

// A run that ended badly makes one line. Its own output is in the journal of its unit.
void log_failure(const Event& event) {
  if (event.type != "RunEnded" && event.type != "StepFailed") return;
  const std::string reason = event.data.text_or("reason");
  if (reason.empty() || reason == "Replaced" || reason == "Stopped") return;
  const std::string subject = event.data.text_or("subject");
  log_error(Error(ErrorKind::kUnavailable, reason, event.data.text_or("message")).in(subject),
            {{"KLUBSTER_SUBJECT", subject}});
}

}  // namespace

Shell::Shell(Ports ports, NodeState state, std::string boot_id)
    : ports_(ports), state_(std::move(state)) {
  world_.boot = std::move(boot_id);
  ports_.units.on_change([this](const UnitSnapshot& snapshot) { unit_changed(snapshot); });
}

void Shell::set_origin(std::optional<ProfileOrigin> origin) {
  verdicts_.clear();
  acquisition_ = {};
  origin_ = std::move(origin);
}

void Shell::unit_changed(const UnitSnapshot& snapshot) {
  const auto known = world_.units.find(snapshot.name);
  const bool was_there = known != world_.units.end() &&
                         (known->second.found() || known->second.start_error.has_value());
  const bool gone = was_there && !snapshot.found() && !snapshot.start_error;
  world_.starting.erase(snapshot.name);
  asked_.erase(snapshot.name);
  if (gone) world_.probe_ended[snapshot.name] = ports_.timers.now_mono_usec();
  if (snapshot.manager_stopping) world_.stopping = true;
  world_.units[snapshot.name] = snapshot;
  settle();
}

void Shell::record(Event event) {
  append({std::move(event)});
}

void Shell::append(std::vector<Event> events) {
  if (events.empty()) return;
  if (auto stored = ports_.store.append(events); !stored) {
    throw std::runtime_error(stored.error().message());
  }
  for (const auto& event : events) {
    state_.fold(event);
    log_failure(event);
    if (event.type != "RunEnded") continue;
    // A refused start is recorded now: the next one under this name begins without it.
    const auto unit = world_.units.find(event.data.text_or("unit"));
    if (unit != world_.units.end() && unit->second.start_error) world_.units.erase(unit);
  }
}

void Shell::settle() {
  if (settling_) {
    again_ = true;
    return;
  }
  settling_ = true;
  int rounds = 0;
  do {
    again_ = false;
    while (acquire_once() || settle_once()) {
      if (++rounds > kRoundLimit) throw std::logic_error("the engine does not come to rest");
    }
    if (settled_) settled_();
  } while (again_);
  settling_ = false;

  std::optional<std::uint64_t> wake = decision_.wake_mono_usec;
  const auto& other = acquisition_.wake_mono_usec;
  if (other && (!wake || *other < *wake)) wake = other;
  if (wake) {
    ports_.timers.wake_at(*wake, [this] { settle(); });
  } else {
    ports_.timers.cancel();
  }
}

// One decision about the profile; true when another one is due.
bool Shell::acquire_once() {
  if (!origin_) {
    acquisition_ = {};
    return false;
  }
  world_.now_mono_usec = ports_.timers.now_mono_usec();
  acquisition_ = acquire(*origin_, state_,
                         {world_, ports_.workers.present(), verdicts_, ports_.workers.at_hand()});
  append(acquisition_.events);
  bool moved = !acquisition_.events.empty();
  for (const auto& action : acquisition_.actions) {
    moved = moved || std::holds_alternative<ReadResult>(action);
    perform(action);
  }
  return moved;
}

// One decision about the steps; true when another one is due.
bool Shell::settle_once() {
  if (!plan_) {
    decision_ = {};
    return false;
  }
  world_.now_mono_usec = ports_.timers.now_mono_usec();
  decision_ = reconcile(*plan_, state_, world_);
  append(decision_.events);
  bool moved = !decision_.events.empty();
  for (const auto& action : decision_.actions) {
    moved = moved || std::holds_alternative<KeepOutputs>(action);
    perform(action);
  }
  return moved;
}

void Shell::perform(const Action& action) {
  if (const auto* watch = std::get_if<WatchUnit>(&action)) {
    if (asked_.insert(watch->unit).second) ports_.units.watch(watch->unit);
  } else if (const auto* started = std::get_if<StartUnit>(&action)) {
    start(*started);
  } else if (const auto* released = std::get_if<ReleaseUnit>(&action)) {
    ports_.units.release(released->unit);
  } else if (const auto* keep = std::get_if<KeepOutputs>(&action)) {
    world_.outputs[keep->subject] = ports_.steps.keep_outputs(*plan_->find(keep->subject));
  } else {
    ports_.units.reboot();
    world_.stopping = true;  // nothing more is decided in this boot
  }
}

void Shell::perform(const AcquireAction& action) {
  if (const auto* watch = std::get_if<WatchUnit>(&action)) {
    if (asked_.insert(watch->unit).second) ports_.units.watch(watch->unit);
  } else if (const auto* started = std::get_if<StartWorker>(&action)) {
    start(*started);
  } else if (const auto* released = std::get_if<ReleaseUnit>(&action)) {
    ports_.units.release(released->unit);
  } else if (const auto* read = std::get_if<ReadResult>(&action)) {
    verdicts_[read->stage] = ports_.workers.read_result(read->stage);
  } else if (std::holds_alternative<RefuseMedium>(action)) {
    ports_.workers.refuse_medium();
  } else {
    ports_.workers.drop_downloads();
  }
}

void Shell::start(const StartUnit& start) {
  const Step* step = plan_->find(start.subject);
  if (start.stage == Stage::kRun || start.stage == Stage::kCheck) {
    world_.outputs.erase(start.subject);
  }
  if (start.stage == Stage::kRun) world_.probe_ended.erase(probe_unit_name(*step, Stage::kReady));
  if (start.stage == Stage::kRun && !step->spec.start_unit.empty()) {
    world_.starting.insert(start.unit);
    return ports_.units.start_existing(start.unit);
  }
  launch(start.unit, ports_.steps.prepare(*plan_, *step, start));
}

void Shell::start(const StartWorker& start) {
  verdicts_.erase(start.stage);
  launch(start.unit, ports_.workers.prepare(start));
}

void Shell::launch(const std::string& name, const Result<TransientUnit>& unit) {
  if (unit) {
    world_.starting.insert(name);
    return ports_.units.start(*unit);
  }
  // What could not be prepared counts as a refused start, so that it is recorded and retried.
  UnitSnapshot refused;
  refused.name = name;
  refused.load_state = "not-found";
  refused.start_error = unit.error();
  world_.units[name] = refused;
  again_ = true;
}

}  // namespace klubster
