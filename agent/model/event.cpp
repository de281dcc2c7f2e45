// Making, printing and reading events.
#include "model/event.h"

namespace klubster {

namespace {

constexpr std::size_t kEventBytes = 1024 * 1024;

Event make(std::string type, Json data = Json::object()) {
  Event event;
  event.type = std::move(type);
  event.data = std::move(data);
  return event;
}

}  // namespace

std::string_view to_string(RunOutcome outcome) {
  switch (outcome) {
    case RunOutcome::kOk:
      return "ok";
    case RunOutcome::kFailed:
      return "failed";
    case RunOutcome::kLost:
      return "lost";
  }
  return "lost";
}

Event booted(const std::string& kind, const std::string& reason) {
  return make("Booted", Json::Object{{"kind", kind}, {"reason", reason}});
}

Event config_accepted(const std::string& hash) {
  return make("ConfigAccepted", Json::Object{{"hash", hash}});
}

Event config_rejected(const std::string& reason, const std::string& message) {
  return make("ConfigRejected", Json::Object{{"reason", reason}, {"message", message}});
}

Event profile_accepted(const AcceptedProfile& profile) {
  return make("ProfileAccepted", Json::Object{{"source", profile.source},
                                              {"sha256", profile.sha256},
                                              {"name", profile.name},
                                              {"version", profile.version},
                                              {"signer", profile.signer},
                                              {"seq", profile.seq}});
}

Event generation_made(const GenerationFacts& generation) {
  return make("GenerationMade",
              Json::Object{{"generation", generation.number},
                           {"configHash", generation.config_hash},
                           {"source", generation.source},
                           {"profile", Json::Object{{"sha256", generation.profile_sha256},
                                                    {"name", generation.profile_name},
                                                    {"version", generation.profile_version}}}});
}

Event generation_ready(std::uint64_t number) {
  return make("GenerationReady", Json::Object{{"generation", number}});
}

Event run_started(const StartedRun& run) {
  return make("RunStarted", Json::Object{{"subject", run.subject},
                                         {"fingerprint", run.fingerprint},
                                         {"unit", run.unit},
                                         {"attempt", run.attempt},
                                         {"generation", run.generation},
                                         {"owesUndo", run.owes_undo}});
}

Event run_seen(const std::string& subject, const std::string& unit, const std::string& invocation) {
  return make("RunSeen",
              Json::Object{{"subject", subject}, {"unit", unit}, {"invocation", invocation}});
}

Event run_ended(const EndedRun& run) {
  Json data = Json::Object{
      {"subject", run.subject}, {"unit", run.unit}, {"outcome", to_string(run.outcome)}};
  if (!run.reason.empty()) data["reason"] = run.reason;
  if (!run.message.empty()) data["message"] = run.message;
  if (run.exit_code != 0) data["exitCode"] = run.exit_code;
  if (run.reboot) data["reboot"] = true;
  if (run.needs_person) data["needsPerson"] = true;
  if (run.retry_after_sec > 0) data["retryAfterSec"] = run.retry_after_sec;
  if (!run.cost.is_null()) data["cost"] = run.cost;
  return make("RunEnded", std::move(data));
}

Event step_done(const std::string& subject, const std::string& fingerprint, const std::string& by,
                const Json& outputs) {
  return make(
      "StepDone",
      Json::Object{
          {"subject", subject}, {"fingerprint", fingerprint}, {"by", by}, {"outputs", outputs}});
}

Event step_failed(const std::string& subject, const std::string& reason,
                  const std::string& message) {
  return make("StepFailed",
              Json::Object{{"subject", subject}, {"reason", reason}, {"message", message}});
}

Event needs_met(const std::string& subject, const Json& facts) {
  return make("NeedsMet", Json::Object{{"subject", subject}, {"facts", facts}});
}

Event retry_requested(const std::string& by) {
  return make("RetryRequested", Json::Object{{"by", by}});
}

Event leave_requested(const std::string& by) {
  return make("LeaveRequested", Json::Object{{"by", by}});
}

Event left() {
  return make("Left");
}

std::string event_line(const Event& event, const std::string& prev_hash) {
  Json line = to_json(event);
  line["prev"] = prev_hash;
  return line.dump();
}

Result<ParsedEvent> parse_event(std::string_view line) {
  auto json = parse_json(line, {.bytes = kEventBytes, .depth = 16});
  if (!json) return json.error();
  JsonReader reader(*json, "event");
  ParsedEvent parsed;
  parsed.event.seq = reader.number("seq");
  parsed.event.boot = reader.text("boot");
  parsed.event.mono_usec = reader.number("mono");
  parsed.event.time_usec = reader.number("time");
  parsed.event.type = reader.text("type");
  parsed.event.data = reader.raw("data");
  parsed.prev_hash = reader.text("prev");
  if (auto read = reader.finish(); !read) return read.error();
  return parsed;
}

Json to_json(const Event& event) {
  return Json::Object{{"seq", event.seq},        {"boot", event.boot}, {"mono", event.mono_usec},
                      {"time", event.time_usec}, {"type", event.type}, {"data", event.data}};
}

}  // namespace klubster
