// Folding events into the state.
#include "model/node_state.h"

#include <algorithm>

namespace klubster {

namespace {

void fold_run_started(const Event& event, NodeState& state) {
  const Json& data = event.data;
  SubjectState& subject = state.subjects[data.text_or("subject")];
  OpenRun run;
  run.unit = data.text_or("unit");
  run.fingerprint = data.text_or("fingerprint");
  run.boot = event.boot;
  run.started_mono_usec = event.mono_usec;
  run.attempt = static_cast<std::uint64_t>(data.integer_or("attempt"));
  subject.attempts = run.attempt;
  subject.last_fingerprint = run.fingerprint;
  subject.run = std::move(run);
  subject.starts += 1;
  subject.ran = false;
  subject.reason.clear();
  subject.message.clear();
  subject.owes_undo = subject.owes_undo || data.bool_or("owesUndo");
}

void note_failure(const Event& event, SubjectState& subject) {
  subject.reason = event.data.text_or("reason", "WorkerFailed");
  subject.message = event.data.text_or("message");
  subject.failed_mono_usec = event.mono_usec;
  subject.failed_boot = event.boot;
  subject.retry_after_usec =
      static_cast<std::uint64_t>(event.data.integer_or("retryAfterSec")) * 1'000'000;
  subject.ran = false;
}

void fold_run_ended(const Event& event, NodeState& state) {
  const std::string name = event.data.text_or("subject");
  SubjectState& subject = state.subjects[name];
  subject.last_unit = event.data.text_or("unit");
  subject.last_boot = subject.run ? subject.run->boot : event.boot;
  subject.run.reset();
  subject.done_boot.clear();  // a service that ended is not up; a task's is set by StepDone
  subject.needs_person = event.data.bool_or("needsPerson");
  if (event.data.text_or("outcome") == to_string(RunOutcome::kOk)) {
    subject.ran = true;
    if (event.data.bool_or("reboot")) state.reboot_owed_in_boot = event.boot;
    if (name.rfind("undo/", 0) == 0) {
      SubjectState& undone = state.subjects[name.substr(5)];
      undone.owes_undo = false;
      undone.done_fingerprint.clear();  // what was undone is to be done anew
    }
  } else {
    note_failure(event, subject);
  }
}

void fold_step_done(const Event& event, NodeState& state) {
  SubjectState& subject = state.subjects[event.data.text_or("subject")];
  subject.done_fingerprint = event.data.text_or("fingerprint");
  subject.done_boot = event.boot;
  subject.outputs = event.data.get("outputs");
  subject.ran = false;
  subject.attempts = 0;
  subject.needs_person = false;
  subject.reason.clear();
  subject.message.clear();
}

void fold_retry(NodeState& state) {
  state.gone = false;
  for (auto& [name, subject] : state.subjects) {
    subject.attempts = 0;
    subject.needs_person = false;
    subject.reason.clear();
    subject.message.clear();
  }
}

GenerationFacts read_generation(const Json& data) {
  GenerationFacts generation;
  generation.number = static_cast<std::uint64_t>(data.integer_or("generation"));
  generation.config_hash = data.text_or("configHash");
  generation.source = data.text_or("source");
  const Json& profile = data.get("profile");
  generation.profile_sha256 = profile.text_or("sha256");
  generation.profile_name = profile.text_or("name");
  generation.profile_version = profile.text_or("version");
  return generation;
}

AcceptedProfile read_profile(const Json& data) {
  AcceptedProfile profile;
  profile.source = data.text_or("source");
  profile.sha256 = data.text_or("sha256");
  profile.name = data.text_or("name");
  profile.version = data.text_or("version");
  profile.signer = data.text_or("signer");
  profile.seq = static_cast<std::uint64_t>(data.integer_or("seq"));
  return profile;
}

}  // namespace

const SubjectState& NodeState::subject(const std::string& name) const {
  static const SubjectState kNone;
  const auto found = subjects.find(name);
  return found == subjects.end() ? kNone : found->second;
}

void NodeState::fold(const Event& event) {
  last_seq = event.seq;
  last_time_usec = std::max(last_time_usec, event.time_usec);
  const Json& data = event.data;
  if (const auto* name = data.get("subject").as_string()) {
    subjects[*name].changed_time_usec = event.time_usec;
  }

  if (event.type == "Booted") {
    boot = event.boot;
    boot_kind = data.text_or("kind");
    boot_reason = data.text_or("reason");
  } else if (event.type == "ConfigAccepted") {
    config_hash = data.text_or("hash");
    config_reason.clear();
    config_message.clear();
    config_changed_usec = event.time_usec;
  } else if (event.type == "ConfigRejected") {
    config_reason = data.text_or("reason");
    config_message = data.text_or("message");
    config_changed_usec = event.time_usec;
  } else if (event.type == "ProfileAccepted") {
    profile = read_profile(data);
    if (!profile->signer.empty()) {
      auto& highest = key_seq[profile->signer];
      highest = std::max(highest, profile->seq);
    }
  } else if (event.type == "GenerationMade") {
    generation = read_generation(data);
    ready_changed_usec = event.time_usec;
    fold_retry(*this);
  } else if (event.type == "GenerationReady") {
    last_good_generation = static_cast<std::uint64_t>(data.integer_or("generation"));
    ready_changed_usec = event.time_usec;
  } else if (event.type == "RunStarted") {
    fold_run_started(event, *this);
  } else if (event.type == "RunSeen") {
    auto& run = subjects[data.text_or("subject")].run;
    if (run && run->unit == data.text_or("unit")) run->seen = true;
  } else if (event.type == "RunEnded") {
    fold_run_ended(event, *this);
  } else if (event.type == "StepDone") {
    fold_step_done(event, *this);
  } else if (event.type == "StepFailed") {
    note_failure(event, subjects[data.text_or("subject")]);
  } else if (event.type == "NeedsMet") {
    subjects[data.text_or("subject")].facts = data.get("facts");
  } else if (event.type == "RetryRequested") {
    fold_retry(*this);
  } else if (event.type == "LeaveRequested") {
    leaving = true;
  } else if (event.type == "Left") {
    leaving = false;
    gone = true;
  }
}

}  // namespace klubster
