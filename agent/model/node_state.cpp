// Folding events into the state.
#include "model/node_state.h"

#include <algorithm>

namespace klubster {

namespace {

// A machine that is switched off in the middle of a run does not make that run a failed attempt. A
// step that brings the machine down each time comes to an end all the same.
constexpr std::uint64_t kForgivenReboots = 3;

void forget_attempts(SubjectState& subject) {
  subject.attempts = 0;
  subject.lost_by_reboot = 0;
  subject.excused = false;
  subject.needs_person = false;
  subject.reason.clear();
  subject.message.clear();
}

void fold_run_started(const Event& event, NodeState& state) {
  const Json& data = event.data;
  SubjectState& subject = state.subjects[data.text_or("subject")];
  OpenRun run;
  run.unit = data.text_or("unit");
  run.fingerprint = data.text_or("fingerprint");
  run.boot = event.boot;
  run.started_mono_usec = event.mono_usec;
  run.attempt = data.number_or("attempt");
  subject.attempts = run.attempt;
  if (!subject.done_fingerprint.empty() && subject.done_fingerprint != run.fingerprint) {
    subject.disturbed = true;
  }
  if (subject.last_fingerprint == run.fingerprint) {
    run.reason_before = subject.reason;
    run.message_before = subject.message;
  }
  subject.last_fingerprint = run.fingerprint;
  subject.last_parts = data.get("parts");
  subject.run = std::move(run);
  subject.starts += 1;
  subject.ran = subject.excused = false;
  subject.reason.clear();
  subject.message.clear();
  subject.owes_undo = subject.owes_undo || data.bool_or("owesUndo");
  subject.generation = data.number_or("generation");
  subject.profile_sha256 = state.generation ? state.generation->profile_sha256 : "";
}

void note_failure(const Event& event, SubjectState& subject) {
  subject.reason = event.data.text_or("reason", "WorkerFailed");
  subject.message = event.data.text_or("message");
  subject.failed_mono_usec = event.mono_usec;
  subject.failed_boot = event.boot;
  subject.retry_after_usec = event.data.number_or("retryAfterSec") * 1'000'000;
  subject.ran = false;
}

void fold_run_ended(const Event& event, NodeState& state) {
  const std::string name = event.data.text_or("subject");
  SubjectState& subject = state.subjects[name];
  subject.last_unit = event.data.text_or("unit");
  subject.last_boot = subject.run ? subject.run->boot : event.boot;
  subject.run.reset();
  subject.cost = event.data.get("cost");
  subject.done_boot.clear();  // a service that ended is not up; a task's is set by StepDone
  subject.needs_person = event.data.bool_or("needsPerson");
  if (event.data.text_or("outcome") == to_string(RunOutcome::kOk)) {
    subject.ran = true;
    if (event.data.bool_or("reboot")) {
      state.reboot_owed_in_boot = event.boot;
      state.reboot_by.clear();
    }
    if (name.rfind("undo/", 0) == 0) {
      SubjectState& undone = state.subjects[name.substr(5)];
      undone.owes_undo = false;
      undone.undo_abandoned = false;
      undone.done_fingerprint.clear();  // what was undone is to be done anew
    }
  } else {
    note_failure(event, subject);
    const bool forgiven = subject.reason == "LostByReboot" && subject.attempts > 0 &&
                          ++subject.lost_by_reboot <= kForgivenReboots;
    if (forgiven) subject.attempts -= 1;
  }
}

void fold_step_done(const Event& event, NodeState& state) {
  SubjectState& subject = state.subjects[event.data.text_or("subject")];
  subject.done_fingerprint = event.data.text_or("fingerprint");
  subject.done_parts = event.data.get("parts");
  if (subject.done_parts.is_null() && subject.done_fingerprint == subject.last_fingerprint) {
    subject.done_parts = subject.last_parts;
  }
  subject.done_boot = event.boot;
  subject.done_mono_usec = event.mono_usec;
  subject.drift.clear();
  subject.outputs = event.data.get("outputs");
  subject.ran = false;
  subject.owes_undo = subject.owes_undo || subject.undo_abandoned;
  subject.undo_abandoned = false;
  subject.disturbed = false;
  forget_attempts(subject);
}

// Half undone, perhaps: its check or another run has to say what there is.
void fold_abandoned(SubjectState& subject) {
  subject.owes_undo = false;
  subject.undo_abandoned = true;
  subject.done_fingerprint.clear();
}

void fold_retry(NodeState& state) {
  state.gone = false;
  for (auto& [name, subject] : state.subjects) {
    if (name.starts_with("command/")) continue;  // only when it is asked for again
    forget_attempts(subject);
  }
}

// Somebody wants it to be tried again, as if nothing of it had ever failed.
void begin_trial(const Event& event, NodeState& state) {
  state.ladder = {};
  state.short_boots = 0;
  state.trial_seq = event.seq;
}

void fold_apply(const Event& event, NodeState& state) {
  const Json& data = event.data;
  if (!data.bool_or("hold")) fold_retry(state);
  state.avoided.reset();
  begin_trial(event, state);
  if (!state.applying) state.applying = OpenApply{data.text_or("by"), event.time_usec};
  state.until = data.text_or("until");
  state.destroy_allowed = data.bool_or("allowDestroy");
}

void fold_generation(const Event& event, NodeState& state) {
  const GenerationFacts generation = generation_facts_from(event.data);
  const bool rollback = generation.rollback_of != 0;
  state.generation = generation;
  state.ready_changed_usec = event.time_usec;
  state.recovery.reset();
  if (!rollback) state.avoided.reset();
  begin_trial(event, state);
  if (state.applying) state.applying->made = true;
  fold_retry(state);
  if (!generation.by.empty() && !rollback) return;  // the apply that made it has said the rest
  state.until.clear();
  state.destroy_allowed = false;
}

void fold_leave(const Json& data, NodeState& state) {
  if (state.leaving) fold_retry(state);  // asked again: what failed is tried again
  state.applying.reset();
  state.leave.by = data.text_or("by");
  state.leave.destroy = state.leave.destroy || data.bool_or("destroy");
  state.leave.force = data.bool_or("force");
  state.leave.reset = state.leave.reset || data.bool_or("reset");
  state.leave.identity = state.leave.identity || data.bool_or("identity");
  state.leaving = true;
}

void fold_drift(const Json& data, NodeState& state) {
  SubjectState& subject = state.subjects[data.text_or("subject")];
  subject.drift = data.text_or("message", "its check fails");
  if (data.bool_or("repair")) subject.done_fingerprint.clear();
}

void fold_command(const Event& event, NodeState& state) {
  const std::string name = event.data.text_or("subject");
  CommandRequest request;
  request.seq = event.seq;
  request.by = event.data.text_or("by");
  if (const auto* inputs = event.data.get("inputs").as_object()) {
    for (const auto& [input, value] : *inputs) {
      if (const auto* text = value.as_string()) request.inputs[input] = *text;
    }
  }
  state.commands[name.substr(name.find('/') + 1)] = std::move(request);
  forget_attempts(state.subjects[name]);
}

void fold_generation_ready(const Event& event, NodeState& state) {
  state.last_good_generation = event.data.number_or("generation");
  state.ready_changed_usec = event.time_usec;
  state.destroy_allowed = false;
  const auto& present = state.generation;
  state.ladder = {};
  if (!present || present->number != state.last_good_generation) return;
  // A rollback to the last good one is that one again: the one before stays the one before.
  const bool again = state.good && present->rollback_of == state.good->number;
  if (state.good && state.good->number != present->number && !again) state.good_before = state.good;
  state.good = present;
}

// A reboot gives what failed new attempts; what needs a person still does.
void fold_reboot(const Event& event, NodeState& state) {
  const Json& data = event.data;
  const std::string by = data.text_or("by");
  state.reboot_owed_in_boot = event.boot;
  state.reboot_by = by.empty() ? "the recovery ladder" : by;
  if (by.empty()) {
    const auto generation = data.number_or("generation");
    state.ladder = {generation, state.ladder_reboots(generation) + 1};
  }
  for (auto& [name, subject] : state.subjects) {
    const bool step = !name.starts_with("command/") && !name.starts_with("profile/");
    if (step && subject.failed() && !subject.run && !subject.needs_person) forget_attempts(subject);
  }
}

TreeMark read_mark(const Json& data) {
  return {data.text_or("configHash"), data.text_or("source")};
}

void fold_rollback(const Json& data, NodeState& state) {
  AvoidedTree avoided;
  avoided.tree = read_mark(data);
  avoided.generation = data.number_or("from");
  avoided.reason = data.text_or("reason");
  avoided.message = data.text_or("message");
  state.avoided = std::move(avoided);
}

void fold_recovery(const Event& event, NodeState& state) {
  const Json& data = event.data;
  OpenRecovery recovery;
  recovery.reason = data.text_or("reason");
  recovery.message = data.text_or("message");
  recovery.by = data.text_or("by");
  recovery.since_usec = event.time_usec;
  recovery.tree = read_mark(data);
  state.recovery = std::move(recovery);
}

void fold_recovery_left(const Event& event, NodeState& state) {
  const bool gone = state.gone;
  fold_retry(state);
  state.gone = gone;
  state.recovery.reset();
  state.avoided.reset();
  begin_trial(event, state);
}

void fold_cluster(const Event& event, NodeState& state) {
  ClusterMembership cluster;
  cluster.id = event.data.text_or("id");
  cluster.initiated = event.type == "ClusterInitiated";
  cluster.settled = event.data.bool_or("adopted");
  state.cluster = std::move(cluster);
  state.sought.reset();
  state.promised.reset();
}

void forget_cluster(NodeState& state) {
  state.cluster.reset();
  state.sought.reset();
  state.promised.reset();
  state.has_left = true;
}

void fold_promise(const Json& data, NodeState& state) {
  state.sought.reset();  // who lets another one do it asks no more
  state.promised = PromisedCluster{data.text_or("to"), data.text_or("machine"),
                                   data.text_or("seeks"), data.text_or("servers")};
}

void fold_left(NodeState& state) {
  forget_cluster(state);
  state.leaving = false;
  state.gone = true;
  state.recovery.reset();
  state.avoided.reset();
  state.ladder = {};
  state.short_boots = 0;
  state.reboot_owed_in_boot.clear();
  state.reset_owed = state.leave.reset;
  if (!state.reset_owed) state.leave = {};
}

AcceptedProfile read_profile(const Json& data) {
  AcceptedProfile profile;
  profile.source = data.text_or("source");
  profile.sha256 = data.text_or("sha256");
  profile.name = data.text_or("name");
  profile.version = data.text_or("version");
  profile.signer = data.text_or("signer");
  profile.seq = data.number_or("seq");
  return profile;
}

// The ratchet goes up only, unless an older profile was wished for: then it goes on from there.
void fold_profile(const Json& data, NodeState& state) {
  state.profile = read_profile(data);
  const AcceptedProfile& profile = *state.profile;
  const bool older = !profile.source.empty() && profile.source == state.downgrade_source;
  state.downgrade_source.clear();
  if (profile.signer.empty()) return;
  auto& highest = state.key_seq[profile.signer];
  highest = older ? profile.seq : std::max(highest, profile.seq);
}

// What the boot that is over adds to the row. A clock that went back tells nothing.
void count_short_boot(const Event& event, NodeState& state) {
  const bool ordered = !state.boot.empty() && state.reboot_owed_in_boot == state.boot;
  if (ordered) return;
  const bool forward = event.time_usec >= state.last_time_usec;
  const bool known = !state.boot.empty() && state.booted_time_usec > 0 && forward;
  const bool was_short = known && event.time_usec - state.booted_time_usec < kShortBootUsec;
  state.short_boots = was_short ? state.short_boots + 1 : 0;
}

void fold_booted(const Event& event, NodeState& state) {
  count_short_boot(event, state);
  state.booted_time_usec = event.time_usec;
  state.boot = event.boot;
  state.boot_kind = event.data.text_or("kind");
  state.boot_reason = event.data.text_or("reason");
}

void fold_config(const Event& event, NodeState& state) {
  if (event.type == "ConfigAccepted") {
    state.config_hash = event.data.text_or("hash");
    auto& recovery = state.recovery;
    if (recovery && recovery->tree.config_hash.empty()) {
      recovery->tree.config_hash = state.config_hash;
    }
  }
  state.config_reason = event.data.text_or("reason");
  state.config_message = event.data.text_or("message");
  state.config_changed_usec = event.time_usec;
}

void fold_run_seen(const Event& event, NodeState& state) {
  auto& run = state.subjects[event.data.text_or("subject")].run;
  if (run && run->unit == event.data.text_or("unit")) run->seen = true;
}

SubjectState& subject_of(const Event& event, NodeState& state) {
  return state.subjects[event.data.text_or("subject")];
}

// Every type of event that there is, sorted by name, with what it means to the state. A type that
// is not here was written by a newer klubster, whose log is not to be misread.
struct Meaning {
  std::string_view type;
  void (*fold)(const Event& event, NodeState& state);
};
constexpr Meaning kMeanings[] = {
    {"ApplyEnded", [](const Event&, NodeState& state) { state.applying.reset(); }},
    {"BootBlessed", [](const Event& event, NodeState& state) { state.blessed_boot = event.boot; }},
    {"Booted", fold_booted},
    {"ClusterInitiated", fold_cluster},
    {"ClusterJoined", fold_cluster},
    {"ClusterPromised",
     [](const Event& event, NodeState& state) { fold_promise(event.data, state); }},
    {"ClusterSettled",
     [](const Event&, NodeState& state) {
       if (state.cluster) state.cluster->settled = true;
     }},
    {"ClusterSought",
     [](const Event& event, NodeState& state) {
       state.sought = SoughtCluster{event.data.text_or("seeks"), event.data.text_or("servers")};
     }},
    {"CommandRequested", fold_command},
    {"ConfigAccepted", fold_config},
    {"ConfigRejected", fold_config},
    {"DowngradeAllowed",
     [](const Event& event, NodeState& state) {
       state.downgrade_source = event.data.text_or("source");
     }},
    {"DriftEnded",
     [](const Event& event, NodeState& state) { subject_of(event, state).drift.clear(); }},
    {"GarbageCollected",
     [](const Event& event, NodeState& state) { state.collected = event.data.text_or("kept"); }},
    {"GenerationMade", fold_generation},
    {"GenerationReady", fold_generation_ready},
    {"LeaveRequested", [](const Event& event, NodeState& state) { fold_leave(event.data, state); }},
    {"Left", [](const Event&, NodeState& state) { fold_left(state); }},
    {"NeedsMet",
     [](const Event& event, NodeState& state) {
       subject_of(event, state).facts = event.data.get("facts");
     }},
    {"ProfileAccepted",
     [](const Event& event, NodeState& state) { fold_profile(event.data, state); }},
    {"RebootOrdered", fold_reboot},
    {"RecoveryEntered", fold_recovery},
    {"RecoveryLeft", fold_recovery_left},
    {"RetryRequested", fold_apply},
    {"RolledBack", [](const Event& event, NodeState& state) { fold_rollback(event.data, state); }},
    {"RunEnded", fold_run_ended},
    {"RunSeen", fold_run_seen},
    {"RunStarted", fold_run_started},
    {"StateReset",
     [](const Event&, NodeState& state) {
       forget_cluster(state);
       state.gone = true;
     }},
    {"StepDone", fold_step_done},
    {"StepDrifted", [](const Event& event, NodeState& state) { fold_drift(event.data, state); }},
    {"StepExcused",
     [](const Event& event, NodeState& state) { subject_of(event, state).excused = true; }},
    {"StepFailed",
     [](const Event& event, NodeState& state) { note_failure(event, subject_of(event, state)); }},
    {"Stopping", [](const Event& event, NodeState& state) { state.stopped_boot = event.boot; }},
    {"UndoAbandoned",
     [](const Event& event, NodeState& state) { fold_abandoned(subject_of(event, state)); }},
};

static_assert(std::ranges::is_sorted(kMeanings, {}, &Meaning::type));

const Meaning* find_meaning(std::string_view type) {
  const auto* found = std::ranges::lower_bound(kMeanings, type, {}, &Meaning::type);
  return found != std::end(kMeanings) && found->type == type ? found : nullptr;
}

}  // namespace

std::map<std::string, std::uint64_t> NodeState::ratchet(const std::string& source) const {
  if (!source.empty() && source == downgrade_source) return {};
  return key_seq;
}

const SubjectState& NodeState::subject(const std::string& name) const {
  static const SubjectState kNone;
  const auto found = subjects.find(name);
  return found == subjects.end() ? kNone : found->second;
}

TreeMark NodeState::tried_tree() const {
  if (!generation) return tree();
  if (generation->rollback_of == 0) return {generation->config_hash, generation->source};
  return avoided ? avoided->tree : tree();
}

std::map<std::uint64_t, std::set<std::string>> NodeState::obligations() const {
  std::map<std::uint64_t, std::set<std::string>> found;
  for (const auto& [name, subject] : subjects) {
    // Workers, commands and the undoing itself leave nothing behind.
    if (name.starts_with("undo/") || name.starts_with("profile/") || name.starts_with("command/")) {
      continue;
    }
    const bool runs = subject.run && subject.run->boot == boot;
    if (subject.owes_undo || runs) found[subject.generation].insert(name);
  }
  return found;
}

std::vector<std::string_view> event_types() {
  std::vector<std::string_view> types;
  for (const auto& meaning : kMeanings)
    types.push_back(meaning.type);
  return types;
}

bool is_known_event(std::string_view type) {
  return find_meaning(type) != nullptr;
}

void NodeState::fold(const Event& event) {
  last_seq = event.seq;
  last_time_usec = std::max(last_time_usec, event.time_usec);
  if (const auto* name = event.data.get("subject").as_string()) {
    subjects[*name].changed_time_usec = event.time_usec;
  }
  if (const Meaning* meaning = find_meaning(event.type)) meaning->fold(event, *this);
}

}  // namespace klubster
