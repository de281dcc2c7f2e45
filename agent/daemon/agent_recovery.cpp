// The recovery ladder's upper rungs, and what people do about them: rollback, recovery mode,
// reboot.
#include "base/log.h"
#include "base/text.h"
#include "daemon/agent.h"
#include "daemon/rollback.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kTrialBytes = 4096;

Json to_json(const TrialTime& time) {
  return Json::Object{{"trial", time.trial},
                      {"spentUsec", time.spent_usec},
                      {"sinceMonoUsec", time.since_mono_usec},
                      {"running", time.running}};
}

TrialTime trial_time_from(const Json& json) {
  return {json.number_or("trial"), json.number_or("spentUsec"), json.number_or("sinceMonoUsec"),
          json.bool_or("running")};
}

std::string number_text(std::uint64_t number) {
  return "generation " + std::to_string(number);
}

}  // namespace

// The trial's clock outlives this process: in /run, since it begins anew with each boot.
void Agent::restore_trial() {
  const auto text = read_file(places_.trial(), kTrialBytes);
  if (!text) return;
  const auto json = parse_json(*text, {.bytes = kTrialBytes, .depth = 2});
  if (json) kept_trial_ = trial_time_from(*json);
  shell_.set_trial_time(kept_trial_);
}

void Agent::keep_trial() {
  const TrialTime& time = shell_.trial_time();
  if (time == kept_trial_) return;
  kept_trial_ = time;
  // Without it a restart of this process gives the trial more time than it has: no harm.
  (void)write_file(places_.trial(), to_json(time).dump() + "\n", 0600);
}

// The tree as it was read last. Before the first reading of a boot it is not known.
TreeMark Agent::present_tree() const {
  if (!in_force_.known()) return {};
  TreeMark tree = shell_.state().tree();
  tree.config_hash = in_force_.config().config_hash;
  if (origin_) tree.source = origin_->fingerprint;
  return tree;
}

// A tree that was rolled back from makes no generation by itself until it changes, and in recovery
// mode none does that was there when the mode began.
bool Agent::is_shut_out() const {
  const NodeState& state = shell_.state();
  const TreeMark tree = present_tree();
  if (state.avoided && state.avoided->tree == tree) return true;
  if (!state.recovery) return false;
  const TreeMark& before = state.recovery->tree;
  const bool same_source = before.source.empty() || before.source == tree.source;
  return before.config_hash.empty() || (before.config_hash == tree.config_hash && same_source);
}

// What the ladder left to do: the rest is in the log already.
void Agent::climb() {
  const Climb next = shell_.decision().climb;
  if (next.rung != Rung::kRollBack) return;
  const std::uint64_t number = default_rollback(shell_.state());
  auto rolled = roll_back_to(number, {next.reason, next.message, ""}, false);
  if (rolled) return set_problem("rollback", std::nullopt);
  Error error = Error(rolled.error()).in("rolling back to " + number_text(number));
  const bool last = present_.config().recovery_action != Rung::kRecovery;
  if (last) return set_problem("rollback", std::move(error));
  shell_.record(
      recovery_entered({next.reason, next.message + "; " + printable(error.message(), 400), "",
                        shell_.state().tried_tree()}));
  shell_.settle();
}

Result<Json> Agent::roll_back_to(std::uint64_t number, const RollbackReason& why, bool dry_run) {
  const NodeState& state = shell_.state();
  const NodeConfig* today = in_force_.known() ? &in_force_.config() : nullptr;
  auto target = rollback_target(places_, number, system_config_sources(), today, salt_);
  if (!target) return target.error();
  const GenerationFacts from = *state.generation;  // as it is before the rollback
  const GenerationFacts made{from.number + 1,
                             target->config.config_hash,
                             target->facts.source,
                             target->facts.profile_sha256,
                             target->facts.profile_name,
                             target->facts.profile_version,
                             why.by,
                             number};
  auto plan = present_.plan_of(target->config, target->profile, made.number, made.profile_sha256);
  if (!plan) return std::move(plan.error()).in(number_text(number));
  Json answer = Json::Object{{"from", from.number},        {"rollbackOf", number},
                             {"generation", made.number},  {"profile", profile_json(made)},
                             {"differs", target->differs}, {"dryRun", dry_run}};
  if (dry_run) return answer;
  // On the disk before it is on record: what a power cut leaves of it, the next one replaces.
  auto kept = present_.make(made, target->config, std::move(target->profile));
  if (!kept) return kept.error();
  in_force_.treat_as_secret(sensitive_keys(present_.profile()));
  // A person who goes back means the tree as it is now, the ladder what it has tried.
  TreeMark avoided = why.by.empty() ? state.tried_tree() : present_tree();
  if (avoided.config_hash.empty()) avoided = {from.config_hash, from.source};
  shell_.record({rolled_back({from.number, number, why.reason, why.message, why.by, avoided}),
                 generation_made(made)});
  log_warning(number_text(from.number) + " is rolled back to " + number_text(number) + ", as " +
              number_text(made.number) + (why.message.empty() ? "" : ": " + why.message));
  set_problem("generation", std::nullopt);
  prepare_steps();
  refresh_plan();
  shell_.settle();  // taken up after the present round
  return answer;
}

Result<Json> Agent::roll_back(std::uint64_t number, const std::string& by, const Guard& guard,
                              bool dry_run) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(guard); !free) return free.error();
  if (state.leaving || state.gone) return refused_by_leave(state);
  if (!state.generation) {
    return Error(ErrorKind::kUnavailable, "NotConfigured", "this node has no generation yet");
  }
  if (number == 0) number = default_rollback(state);
  if (number == 0) {
    return Error(ErrorKind::kInvalid, "NoSuchGeneration",
                 "there is no earlier generation that was ready on this node");
  }
  if (number == state.generation->number) {
    return Error(ErrorKind::kInvalid, "NoSuchGeneration",
                 number_text(number) + " is the one that is in force");
  }
  auto answer = roll_back_to(number, {"Asked", "", by}, dry_run);
  if (!dry_run && answer) set_problem("rollback", std::nullopt);
  return answer;
}

Status Agent::reboot(const std::string& by, const Guard& guard, bool recovery) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(guard); !free) return free;
  if (state.leaving) return refused_by_leave(state);
  const std::uint64_t generation = state.generation ? state.generation->number : 0;
  std::vector<Event> events;
  if (recovery && !state.recovery) {
    events.push_back(recovery_entered({"Asked", "asked for by " + by, by, present_tree()}));
  }
  events.push_back(reboot_ordered({generation, "Asked", "", by, recovery}));
  shell_.record(std::move(events));
  if (!shell_.plan()) shell_.set_plan(Plan{});  // nothing has to come to its end before
  shell_.settle();
  return {};
}

Status Agent::recover(const std::string& by, const Guard& guard) {
  if (auto free = may_change(guard); !free) return free;
  const NodeState& state = shell_.state();
  if (state.gone && !state.recovery) return refused_by_leave(state);
  shell_.record(recovery_left(by));
  reload();
  return {};
}

// What is shown of a generation that was rolled back, and of recovery mode.
void Agent::show_recovery() {
  const NodeState& state = shell_.state();
  target_.want(state.recovery.has_value());
  std::optional<Error> rolled_back;
  const bool other =
      !state.generation || state.generation->config_hash != present_tree().config_hash;
  if (state.avoided && state.generation && other && state.avoided->tree == present_tree()) {
    const AvoidedTree& avoided = *state.avoided;
    std::string message = number_text(state.generation->number) +
                          " has the config and profile of " +
                          number_text(state.generation->rollback_of) + " again, since " +
                          number_text(avoided.generation) + " was rolled back";
    if (!avoided.message.empty()) message += ": " + avoided.message;
    rolled_back = Error(ErrorKind::kInvalid, "RolledBack", message);
  }
  set_problem("rolled-back", std::move(rolled_back));
}

}  // namespace klubster
