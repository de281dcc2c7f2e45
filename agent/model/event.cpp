// Making, printing and reading events.
#include "model/event.h"

namespace klubster {

namespace {

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

Event stopping() {
  return make("Stopping");
}

Event boot_blessed(const std::string& kind, const std::string& reason) {
  return make("BootBlessed", Json::Object{{"kind", kind}, {"reason", reason}});
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

Json to_json(const GenerationFacts& generation) {
  Json data = Json::Object{{"generation", generation.number},
                           {"configHash", generation.config_hash},
                           {"source", generation.source},
                           {"profile", Json::Object{{"sha256", generation.profile_sha256},
                                                    {"name", generation.profile_name},
                                                    {"version", generation.profile_version}}}};
  if (!generation.by.empty()) data["by"] = generation.by;
  if (generation.rollback_of != 0) data["rollbackOf"] = generation.rollback_of;
  return data;
}

GenerationFacts generation_facts_from(const Json& json) {
  GenerationFacts generation;
  generation.number = json.number_or("generation");
  generation.config_hash = json.text_or("configHash");
  generation.source = json.text_or("source");
  const Json& profile = json.get("profile");
  generation.profile_sha256 = profile.text_or("sha256");
  generation.profile_name = profile.text_or("name");
  generation.profile_version = profile.text_or("version");
  generation.by = json.text_or("by");
  generation.rollback_of = json.number_or("rollbackOf");
  return generation;
}

Event generation_made(const GenerationFacts& generation) {
  return make("GenerationMade", to_json(generation));
}

Event generation_ready(std::uint64_t number) {
  return make("GenerationReady", Json::Object{{"generation", number}});
}

Event garbage_collected(const std::string& kept, const std::vector<std::string>& profiles,
                        std::uint64_t files, std::uint64_t bytes) {
  return make(
      "GarbageCollected",
      Json::Object{{"kept", kept}, {"profiles", profiles}, {"files", files}, {"bytes", bytes}});
}

Event run_started(const StartedRun& run) {
  Json data = Json::Object{
      {"subject", run.subject}, {"fingerprint", run.fingerprint}, {"unit", run.unit},
      {"attempt", run.attempt}, {"generation", run.generation},   {"owesUndo", run.owes_undo}};
  if (!run.parts.is_null()) data["parts"] = run.parts;
  return make("RunStarted", std::move(data));
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
                const Json& outputs, const Json& parts) {
  Json data = Json::Object{
      {"subject", subject}, {"fingerprint", fingerprint}, {"by", by}, {"outputs", outputs}};
  if (!parts.is_null()) data["parts"] = parts;
  return make("StepDone", std::move(data));
}

Event step_failed(const std::string& subject, const std::string& reason,
                  const std::string& message) {
  return make("StepFailed",
              Json::Object{{"subject", subject}, {"reason", reason}, {"message", message}});
}

Event step_excused(const std::string& subject) {
  return make("StepExcused", Json::Object{{"subject", subject}});
}

Event needs_met(const std::string& subject, const Json& facts) {
  return make("NeedsMet", Json::Object{{"subject", subject}, {"facts", facts}});
}

Event retry_requested(const RequestedApply& apply) {
  Json data = Json::Object{{"by", apply.by}};
  if (!apply.until.empty()) data["until"] = apply.until;
  if (apply.allow_destroy) data["allowDestroy"] = true;
  if (apply.hold) data["hold"] = true;
  return make("RetryRequested", std::move(data));
}

Event apply_ended() {
  return make("ApplyEnded");
}

Event downgrade_allowed(const std::string& source, const std::string& by) {
  return make("DowngradeAllowed", Json::Object{{"source", source}, {"by", by}});
}

Event leave_requested(const RequestedLeave& leave) {
  Json data = Json::Object{{"by", leave.by}};
  if (leave.destroy) data["destroy"] = true;
  if (leave.force) data["force"] = true;
  if (leave.reset) data["reset"] = true;
  if (leave.identity) data["identity"] = true;
  return make("LeaveRequested", std::move(data));
}

Event left() {
  return make("Left");
}

Event undo_abandoned(const std::string& subject, const std::string& message) {
  return make("UndoAbandoned", Json::Object{{"subject", subject}, {"message", message}});
}

Event step_drifted(const std::string& subject, const std::string& message, bool repair) {
  Json data = Json::Object{{"subject", subject}, {"message", message}};
  if (repair) data["repair"] = true;
  return make("StepDrifted", std::move(data));
}

Event drift_ended(const std::string& subject) {
  return make("DriftEnded", Json::Object{{"subject", subject}});
}

Event command_requested(const RequestedCommand& command) {
  Json inputs = Json::object();
  for (const auto& [name, value] : command.inputs)
    inputs[name] = value;
  return make("CommandRequested", Json::Object{{"subject", "command/" + command.name},
                                               {"by", command.by},
                                               {"inputs", std::move(inputs)}});
}

Event reboot_ordered(const OrderedReboot& reboot) {
  Json data = Json::Object{{"generation", reboot.generation},
                           {"reason", reboot.reason},
                           {"message", reboot.message},
                           {"by", reboot.by}};
  if (reboot.recovery) data["recovery"] = true;
  return make("RebootOrdered", std::move(data));
}

Event rolled_back(const Rollback& rollback) {
  return make("RolledBack", Json::Object{{"from", rollback.from},
                                         {"to", rollback.to},
                                         {"reason", rollback.reason},
                                         {"message", rollback.message},
                                         {"by", rollback.by},
                                         {"configHash", rollback.avoided.config_hash},
                                         {"source", rollback.avoided.source}});
}

Event recovery_entered(const EnteredRecovery& recovery) {
  return make("RecoveryEntered", Json::Object{{"reason", recovery.reason},
                                              {"message", recovery.message},
                                              {"by", recovery.by},
                                              {"configHash", recovery.tree.config_hash},
                                              {"source", recovery.tree.source}});
}

Event recovery_left(const std::string& by) {
  return make("RecoveryLeft", Json::Object{{"by", by}});
}

Event cluster_sought(const SoughtCluster& sought) {
  return make("ClusterSought", Json::Object{{"seeks", sought.seeks}, {"servers", sought.servers}});
}

Event cluster_promised(const PromisedCluster& promise) {
  return make("ClusterPromised", Json::Object{{"to", promise.to},
                                              {"machine", promise.machine},
                                              {"seeks", promise.seeks},
                                              {"servers", promise.servers}});
}

Event cluster_initiated(const InitiatedCluster& cluster) {
  Json data = Json::Object{{"id", cluster.id}, {"servers", cluster.servers}};
  if (!cluster.promised.empty()) data["promised"] = cluster.promised;
  if (!cluster.by.empty()) data["by"] = cluster.by;
  if (cluster.adopted) data["adopted"] = true;
  return make("ClusterInitiated", std::move(data));
}

Event cluster_joined(const std::string& id, const std::string& from) {
  return make("ClusterJoined", Json::Object{{"id", id}, {"from", from}});
}

Event cluster_settled(const std::string& id) {
  return make("ClusterSettled", Json::Object{{"id", id}});
}

Event state_reset(const std::string& by) {
  return make("StateReset", Json::Object{{"by", by}});
}

Json to_json(const Event& event) {
  return Json::Object{{"seq", event.seq},        {"boot", event.boot}, {"mono", event.mono_usec},
                      {"time", event.time_usec}, {"type", event.type}, {"data", event.data}};
}

}  // namespace klubster
