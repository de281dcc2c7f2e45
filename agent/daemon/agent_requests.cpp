// What somebody asks of the agent.
#include "base/text.h"
#include "daemon/agent.h"
#include "linux/log_history.h"

namespace klubster {

Status Agent::apply(const ApplyRequest& request) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(request.guard); !free) return free;
  if (state.leaving && shell_.moves()) return refused_by_leave(state);
  if (auto known = check_limit(request.until); !known) return known;
  if (auto free = may_apply_in_recovery(); !free) return free;
  // A node that has left comes back with its new config, not with the old one until that is there.
  const bool had_left = state.gone;
  RequestedApply asked{request.by, request.until, request.allow_destroy, had_left};
  shell_.record(retry_requested(asked));
  for (const auto& subject : facts_.lost())
    shell_.record(step_drifted(subject, "what it put out is lost", true));
  downgrade_by_ = request.allow_downgrade ? request.by : "";
  reload();
  downgrade_by_.clear();
  const auto& generation = state.generation;
  const bool changed = generation && generation->config_hash != in_force_.config().config_hash;
  if (had_left && !changed) {
    asked.hold = false;
    shell_.record(retry_requested(asked));
    shell_.settle();
  }
  return {};
}

// A tree that is new since the mode began may be applied; what failed is tried again by
// `klubster recover` alone.
Status Agent::may_apply_in_recovery() {
  const auto& recovery = shell_.state().recovery;
  if (!recovery) return {};
  read_config();  // a change of this moment may not have been noticed yet
  if (!recovery || !is_shut_out()) return {};
  return Error(ErrorKind::kConflict, "RecoveryMode", recovery->message)
      .in("this node is in recovery mode");
}

void Agent::collect_garbage(bool dry_run, GarbageCollector::Handler handler) {
  if (standstill_) return handler(*standstill_);
  collector_.ask(dry_run, std::move(handler));
  shell_.settle();
}

// Why it is not known what must stay.
std::optional<Error> Agent::not_to_collect() const {
  if (!log_.damage().empty()) return Error(ErrorKind::kIo, "LogDamaged", log_.damage());
  if (in_force_.known()) return std::nullopt;
  return Error(ErrorKind::kInvalid, "NotConfigured",
               "which profile this node is to have is not known");
}

// Of `--until`. A plan that is still to be made may have any step.
Status Agent::check_limit(const std::string& subject) const {
  const auto& plan = shell_.plan();
  if (subject.empty() || !plan || plan->find(subject) != nullptr) return {};
  const auto& generation = shell_.state().generation;  // none after a leave with nothing to undo
  if (!generation || generation->config_hash != in_force_.config().config_hash) return {};
  std::vector<std::string> known;
  for (const auto& step : plan->steps)
    known.push_back(step.subject);
  return Error(ErrorKind::kInvalid, "NoSuchStep",
               "expected one of " + join(known, ", ") + ", found " + printable(subject, 128));
}

Status Agent::leave(const RequestedLeave& request, const Guard& guard) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(guard); !free) return free;
  reload_asked_ = false;  // what was asked for before is over
  reset_begun_ = false;   // what the disk refused is tried again
  // Than what is under way, or was done.
  const bool more = request.destroy || request.force || request.reset;
  if (more || (!state.leaving && !state.gone)) shell_.record(leave_requested(request));
  if (!shell_.plan()) shell_.set_plan(Plan{});  // there is nothing to undo
  refresh_plan();
  shell_.settle();
  return {};
}

Result<std::uint64_t> Agent::run_command(const RequestedCommand& request, const Guard& guard) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(guard); !free) return free.error();
  if (!state.generation || !present_.known() || !shell_.plan()) {
    return Error(ErrorKind::kUnavailable, "NotConfigured", "this node has no profile yet");
  }
  if (state.leaving || state.gone) return refused_by_leave(state);
  auto fits = check_command(present_.profile(), request.name, request.inputs);
  if (fits) {
    const NodeConfig& config = present_.config();
    fits = check_when(present_.profile(), request, config.inputs, config.secrets);
  }
  if (!fits) return std::move(fits.error()).in("command " + printable(request.name, 64));
  for (const auto& view : shell_.decision().commands) {
    if (view.subject != "command/" + request.name || view.at_rest()) continue;
    return Error(
        ErrorKind::kConflict, "CommandRuns",
        request.name + " is under way, asked for by " + state.commands.at(request.name).by);
  }
  shell_.record(command_requested(request));
  const std::uint64_t number = state.commands.at(request.name).seq;
  refresh_plan();
  shell_.settle();
  return number;
}

Result<std::vector<Event>> Agent::history(std::uint64_t since_seq, std::size_t limit) const {
  return read_events(places_.log(), since_seq, limit);
}

}  // namespace klubster
