// Families, names and keys are productive-k3s' own (schema version 1).
#include "engine/telemetry.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"

namespace klubster {

namespace {

constexpr const char* kCommand = "";  // the key of the command among the subjects
constexpr const char* kApply = "apply";
constexpr std::size_t kIdBytes = 8;

std::string id_of(const Event& event, const std::string& subject, const TelemetryFacts& facts) {
  const std::string what = "klubster telemetry " + std::to_string(event.seq) + " " +
                           std::to_string(event.time_usec) + " " + subject;
  return to_hex(hkdf_sha256(facts.salt, "", what, kIdBytes));
}

Json head(const TelemetryRun& run, const char* family, const std::string& name) {
  const bool core = !run.mode.empty();
  Json body = Json::object();
  body["schema_version"] = "1";
  body["event_family"] = family;
  body["event_name"] = name;
  body["session_id"] = run.session_id;
  body["run_id"] = run.run_id;
  body["parent_run_id"] = run.parent_run_id;
  body["component"] = core ? "core" : "infra";
  body["client"] = Json::Object{{"repository", "klubster"},
                                {"script", core ? "klubster-core" : "klubsterd"},
                                {"telemetry_enabled", "true"}};
  body["telemetry_meta"] =
      Json::Object{{"delivery_mode", "best-effort"}, {"anonymous_by_contract", true}};
  return body;
}

TelemetryNote usage(const TelemetryRun& run, bool completes, const std::string& result) {
  Json body = head(run, "usage", run.event + (completes ? ".completed" : ".started"));
  Json command = Json::Object{{"name", run.name}, {"result", result}};
  if (run.mode.empty()) {
    command["scenario"] = run.scenario;
  } else {
    command["mode"] = run.mode;
  }
  body["command"] = std::move(command);
  return {run.run_id, completes, std::move(body)};
}

// Core's own event about an installation, with what its manifest says in public.
TelemetryNote installed(const TelemetryRun& run, const Json& manifest) {
  const bool old = manifest.text_or("script").find("bootstrap") != std::string::npos;
  Json body = head(run, "install", old ? "bootstrap.completed" : "apply.completed");
  body["client"]["exit_code"] = manifest.integer_or("exit_code");
  body["retry_of_run_id"] = run.run_id;
  body["manifest"] = manifest;
  return {run.run_id, true, std::move(body)};
}

std::string underlined(std::string mode) {
  std::replace(mode.begin(), mode.end(), '-', '_');
  return mode;
}

Json run_json(const TelemetryRun& run) {
  return Json::Object{{"event", run.event}, {"session", run.session_id},
                      {"run", run.run_id},  {"parent", run.parent_run_id},
                      {"name", run.name},   {"scenario", run.scenario},
                      {"mode", run.mode},   {"unit", run.unit},
                      {"ended", run.ended}};
}

TelemetryRun run_from(const Json& json) {
  return {json.text_or("event"),  json.text_or("session"), json.text_or("run"),
          json.text_or("parent"), json.text_or("name"),    json.text_or("scenario"),
          json.text_or("mode"),   json.text_or("unit"),    json.bool_or("ended")};
}

}  // namespace

TelemetryLedger TelemetryLedger::begin(const NodeState& state) {
  TelemetryLedger ledger;
  ledger.seq_ = state.last_seq;
  ledger.generation_ = state.generation ? state.generation->number : 0;
  ledger.good_ = state.last_good_generation;
  ledger.left_ = state.gone;
  return ledger;
}

Result<TelemetryLedger> TelemetryLedger::from_json(const Json& json) {
  if (json.integer_or("v") != 1 || json.get("open").as_object() == nullptr) {
    return Error(ErrorKind::kInvalid, "BadJson", "expected a telemetry ledger of version 1");
  }
  TelemetryLedger ledger;
  ledger.seq_ = json.number_or("seq");
  ledger.generation_ = json.number_or("generation");
  ledger.good_ = json.number_or("good");
  ledger.left_ = json.bool_or("left");
  for (const auto& [subject, run] : *json.get("open").as_object())
    ledger.open_[subject] = run_from(run);
  for (const auto& subject : json.items("failed")) {
    if (subject.as_string() != nullptr) ledger.failed_.insert(*subject.as_string());
  }
  return ledger;
}

Json TelemetryLedger::to_json() const {
  Json json = Json::Object{
      {"v", 1}, {"seq", seq_}, {"generation", generation_}, {"good", good_}, {"left", left_}};
  json["open"] = Json::object();
  for (const auto& [subject, run] : open_)
    json["open"][subject] = run_json(run);
  json["failed"] = Json(std::vector<std::string>(failed_.begin(), failed_.end()));
  return json;
}

TelemetryLedger::Context TelemetryLedger::context() const {
  const auto command = open_.find(kCommand);
  if (command == open_.end()) return {};
  return {command->second.session_id, command->second.run_id};
}

void TelemetryLedger::forget(const std::string& run_id) {
  std::erase_if(open_, [&](const auto& entry) { return entry.second.run_id == run_id; });
}

// One at a time: the one before has not come to its end by itself.
void TelemetryLedger::begin_command(const Event& event, const TelemetryFacts& facts,
                                    const std::string& name, Notes& notes) {
  end(kCommand, false, facts, notes);
  TelemetryRun run;
  run.event = "infra.command";
  run.run_id = id_of(event, "", facts);
  run.session_id = id_of(event, "session", facts);
  run.name = name;
  run.scenario = facts.scenario;
  notes.push_back(usage(run, false, "started"));
  open_[kCommand] = std::move(run);
}

// A change that comes while an apply goes well is a part of it; after a failure it is another try.
void TelemetryLedger::apply_begins(const Event& event, const TelemetryFacts& facts, Notes& notes) {
  const auto command = open_.find(kCommand);
  const bool goes_on = command != open_.end() && command->second.name == kApply && failed_.empty();
  if (!goes_on) begin_command(event, facts, kApply, notes);
  failed_.clear();
}

void TelemetryLedger::begin_core(const Event& event, const TelemetryFacts& facts, Notes& notes) {
  const std::string subject = event.data.text_or("subject");
  end(subject, false, facts, notes);
  const std::string mode = facts.core_mode ? facts.core_mode(subject) : "";
  if (mode.empty()) return;
  TelemetryRun run;
  run.event = "core.apply." + underlined(mode);
  run.run_id = id_of(event, subject, facts);
  const Context around = context();
  run.session_id = around.session_id.empty() ? run.run_id : around.session_id;
  run.parent_run_id = around.parent_run_id;
  run.name = kApply;
  run.mode = mode;
  run.unit = event.data.text_or("unit");
  notes.push_back(usage(run, false, "started"));
  open_[subject] = std::move(run);
}

void TelemetryLedger::end(const std::string& key, bool success, const TelemetryFacts& facts,
                          Notes& notes) {
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  const TelemetryRun run = std::move(found->second);
  open_.erase(found);
  notes.push_back(usage(run, true, success ? "success" : "failed"));
  if (run.mode.empty() || !facts.core_run) return;
  const Json manifest = facts.core_run(key, run.unit);
  if (!manifest.is_null()) notes.push_back(installed(run, manifest));
}

void TelemetryLedger::run_ended(const Event& event, const std::string& subject,
                                const TelemetryFacts& facts, Notes& notes) {
  const auto found = open_.find(subject);
  const bool well = event.data.text_or("outcome") == to_string(RunOutcome::kOk);
  if (!well) failed_.insert(subject);
  if (found == open_.end() || found->second.unit != event.data.text_or("unit")) return;
  if (well) {
    found->second.ended = true;
  } else {
    end(subject, false, facts, notes);
  }
}

std::vector<TelemetryNote> TelemetryLedger::take(const Event& event, const TelemetryFacts& facts) {
  Notes notes;
  seq_ = event.seq;
  const std::string subject = event.data.text_or("subject");
  const bool stands = generation_ != 0 && generation_ == good_ && !left_;
  if (event.type == "GenerationMade") {
    generation_ = event.data.number_or("generation");
    apply_begins(event, facts, notes);
  } else if (event.type == "GenerationReady") {
    good_ = event.data.number_or("generation");
    left_ = false;
    if (good_ == generation_) end(kCommand, true, facts, notes);
  } else if (event.type == "RetryRequested") {
    apply_begins(event, facts, notes);
  } else if (event.type == "ApplyEnded") {
    // What only waits goes on; it ends when the generation is ready, or another one comes.
    if (stands || !failed_.empty()) end(kCommand, stands && failed_.empty(), facts, notes);
  } else if (event.type == "RolledBack" || event.type == "RecoveryEntered") {
    end(kCommand, false, facts, notes);
  } else if (event.type == "LeaveRequested") {
    begin_command(event, facts, event.data.bool_or("destroy") ? "destroy" : "leave", notes);
  } else if (event.type == "Left") {
    end(kCommand, true, facts, notes);
    left_ = true;
  } else if (event.type == "RunStarted") {
    begin_core(event, facts, notes);
  } else if (event.type == "RunEnded") {
    run_ended(event, subject, facts, notes);
  } else if (event.type == "StepDone" || event.type == "StepFailed") {
    const bool done = event.type == "StepDone";
    if (done) failed_.erase(subject);
    if (!done) failed_.insert(subject);
    const auto found = open_.find(subject);
    if (found != open_.end() && (found->second.ended || !done)) end(subject, done, facts, notes);
  }
  return notes;
}

std::vector<TelemetryNote> TelemetryLedger::ready(const TelemetryFacts& facts) {
  Notes notes;
  if (!left_) return notes;
  left_ = false;
  const auto command = open_.find(kCommand);
  if (command != open_.end() && command->second.name == kApply) end(kCommand, true, facts, notes);
  return notes;
}

std::vector<TelemetryNote> TelemetryLedger::catch_up(const NodeState& state,
                                                     const TelemetryFacts& facts) {
  Notes notes;
  std::vector<std::string> over;
  for (const auto& [subject, run] : open_) {
    if (subject == kCommand) continue;
    const auto& known = state.subject(subject).run;
    if (!known || known->unit != run.unit) over.push_back(subject);
  }
  for (const auto& subject : over) {
    const SubjectState& past = state.subject(subject);
    end(subject, !past.failed() && !past.done_fingerprint.empty(), facts, notes);
  }
  const std::uint64_t generation = state.generation ? state.generation->number : 0;
  const bool ready = generation != 0 && generation == state.last_good_generation;
  if (ready || state.gone || generation != generation_) {
    end(kCommand, generation == generation_ && (ready || state.gone), facts, notes);
  }
  seq_ = state.last_seq;
  generation_ = generation;
  good_ = state.last_good_generation;
  left_ = state.gone;
  failed_.clear();
  return notes;
}

}  // namespace klubster
