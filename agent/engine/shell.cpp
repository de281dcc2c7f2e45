// Performing decisions. Write ahead: events are durable before the actions that follow them, and
// before anybody is told.
#include "engine/shell.h"

#include <algorithm>
#include <utility>

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
  if (world_.starting.erase(snapshot.name) > 0) world_.answered.insert(snapshot.name);
  asked_.erase(snapshot.name);
  if (gone) world_.probe_ended[snapshot.name] = ports_.timers.now_mono_usec();
  if (snapshot.manager_stopping) world_.stopping = true;
  world_.units[snapshot.name] = snapshot;
  if (const Outcome outcome = classify(snapshot, false); outcome.could_not_be_set_up()) {
    world_.broken[snapshot.name] = outcome.message;
  } else if (outcome.phase == UnitPhase::kSucceeded || outcome.phase == UnitPhase::kFailed) {
    world_.broken.erase(snapshot.name);
  }
  settle();
}

void Shell::record(Event event) {
  record(std::vector<Event>{std::move(event)});
}

void Shell::record(std::vector<Event> events) {
  append(std::move(events));
  sync();
}

void Shell::sync() {
  if (!std::exchange(unsynced_, false)) return;
  if (looks_) return;
  if (auto synced = ports_.store.sync(); !synced) throw StoreRefused(synced.error());
}

void Shell::append(std::vector<Event> events) {
  if (events.empty()) return;
  if (!looks_) {
    if (auto stored = ports_.store.append(events); !stored) throw StoreRefused(stored.error());
  }
  for (const auto& event : events) {
    state_.fold(event);
    log_failure(event);
    // Whether systemd had a unit is asked in the same boot only: a power cut may take that away.
    unsynced_ = unsynced_ || event.type != "RunSeen";
    if (event.type != "RunEnded") continue;
    // A refused start is recorded now: the next one under this name begins without it.
    const std::string name = event.data.text_or("unit");
    world_.answered.erase(name);
    const auto unit = world_.units.find(name);
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
    present_.reset();
    while (!looks_ && (acquire_once() || settle_once())) {
      if (++rounds > kRoundLimit) throw std::logic_error("the engine does not come to rest");
    }
    sync();
    release_units();
    if (looks_) look();
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

bool Shell::moves() const {
  if (again_ || world_.stopping) return true;  // what comes of it shows in the next round, or boot
  if (origin_ && !acquisition_.acquired && !acquisition_.wake_mono_usec) return true;
  const auto any = [](const std::vector<StepView>& views) {
    return std::any_of(views.begin(), views.end(),
                       [](const StepView& view) { return klubster::moves(view); });
  };
  return any(decision_.views) || any(decision_.obsolete);
}

// One decision about the profile; true when another one is due.
bool Shell::acquire_once() {
  if (!origin_) {
    acquisition_ = {};
    return false;
  }
  world_.now_mono_usec = ports_.timers.now_mono_usec();
  if (!present_) present_ = ports_.workers.present();
  acquisition_ =
      acquire(*origin_, state_, {world_, *present_, verdicts_, ports_.workers.at_hand()});
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
  world_.trial_spent_usec = trial_clock_.spent_usec(state_.trial_seq, world_.now_mono_usec);
  decision_ = reconcile(*plan_, state_, world_);
  trial_clock_.set_running(works(decision_));
  append(decision_.events);
  bool moved = !decision_.events.empty();
  for (const auto& action : decision_.actions) {
    moved = moved || std::holds_alternative<KeepOutputs>(action) ||
            std::holds_alternative<NoteRecheck>(action);
    perform(action);
  }
  return moved;
}

// What would be decided is not done; that units are watched shows what runs.
void Shell::look() {
  const auto watch_of = [this](const auto& actions) {
    for (const auto& action : actions) {
      if (const auto* watched = std::get_if<WatchUnit>(&action)) watch(watched->unit);
    }
  };
  world_.now_mono_usec = ports_.timers.now_mono_usec();
  acquisition_ = {};
  if (origin_) {
    acquisition_ =
        acquire(*origin_, state_, {world_, ports_.workers.present(), {}, ports_.workers.at_hand()});
    watch_of(acquisition_.actions);
  }
  decision_ = {};
  if (plan_) {
    decision_ = reconcile(*plan_, state_, world_);
    watch_of(decision_.actions);
  }
  // Time alone changes nothing here.
  acquisition_.wake_mono_usec.reset();
  decision_.wake_mono_usec.reset();
}

void Shell::recheck() {
  world_.recheck_asked_mono_usec = ports_.timers.now_mono_usec();
  settle();
}

void Shell::perform(const Action& action) {
  // Who looks announces nothing.
  if (const auto* watched = std::get_if<WatchUnit>(&action)) return watch(watched->unit);
  sync();
  if (const auto* started = std::get_if<StartUnit>(&action)) {
    start(*started);
  } else if (const auto* released = std::get_if<ReleaseUnit>(&action)) {
    released_.insert(released->unit);
  } else if (const auto* keep = std::get_if<KeepOutputs>(&action)) {
    world_.outputs[keep->subject] = ports_.steps.keep_outputs(*plan_->find(keep->subject));
  } else if (const auto* noted = std::get_if<NoteRecheck>(&action)) {
    world_.rechecked[noted->subject] = world_.now_mono_usec;
  } else {
    ports_.units.reboot();
    world_.stopping = true;  // nothing more is decided in this boot
  }
}

void Shell::perform(const AcquireAction& action) {
  sync();
  present_.reset();
  if (const auto* watch = std::get_if<WatchUnit>(&action)) {
    this->watch(watch->unit);
  } else if (const auto* started = std::get_if<StartWorker>(&action)) {
    start(*started);
  } else if (const auto* released = std::get_if<ReleaseUnit>(&action)) {
    released_.insert(released->unit);
  } else if (const auto* read = std::get_if<ReadResult>(&action)) {
    verdicts_[read->stage] = ports_.workers.read_result(read->stage);
  } else if (std::holds_alternative<RefuseMedium>(action)) {
    ports_.workers.refuse_medium();
  } else {
    ports_.workers.drop_downloads();
  }
}

// After the starts of the same moment: somebody waits for those, nobody for these.
void Shell::release_units() {
  for (const auto& unit : std::exchange(released_, {}))
    ports_.units.release(unit);
}

void Shell::watch(const std::string& unit) {
  if (asked_.insert(unit).second) ports_.units.watch(unit);
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
