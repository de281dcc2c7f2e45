// What the agent would do next, told without doing it.
#include "base/reason.h"
#include "daemon/agent.h"
#include "daemon/config_changes.h"
#include "daemon/generations.h"
#include "daemon/prospect.h"
#include "linux/config_tree.h"

namespace klubster {

namespace {

// Below the 25 s that D-Bus callers wait by default.
constexpr std::uint64_t kPlanUsec = 20'000'000;

}  // namespace

bool Agent::fetching() const {
  const AcquireDecision& acquisition = shell_.acquisition();
  return origin_ && !acquisition.acquired && acquisition.reason.empty();
}

// Why it cannot be told what an apply would make of the tree; nothing: it can.
std::optional<Error> Agent::obstacle() const {
  if (shell_.state().leaving) return std::nullopt;
  for (const char* topic : {"config", "profile"}) {
    if (const auto found = problems_.find(topic); found != problems_.end()) return found->second;
  }
  if (!in_force_.whole()) {
    return Error(ErrorKind::kInvalid, "ConfigInvalid",
                 "a secret of the config in force cannot be read now");
  }
  if (const auto& recovery = shell_.state().recovery; recovery && is_shut_out()) {
    return Error(ErrorKind::kInvalid, "RecoveryMode", recovery->message)
        .in("this node is in recovery mode");
  }
  const AcquireDecision& acquisition = shell_.acquisition();
  if (acquisition.acquired) return std::nullopt;
  if (acquisition.reason.empty()) {
    return Error(ErrorKind::kUnavailable, "InProgress", acquisition.doing);
  }
  const Reason* reason = find_reason(acquisition.reason);
  const bool retried = reason != nullptr && reason->retried;
  return Error(retried ? ErrorKind::kUnavailable : ErrorKind::kInvalid, acquisition.reason,
               acquisition.message);
}

// The plan of the config and profile that come next; `prospect` learns what differs.
Result<Plan> Agent::next_plan(Prospect& prospect, std::optional<Profile>& profile) const {
  auto next = upcoming();
  if (!next) return next.error();
  prospect.next = GenerationFacts{.number = next->number,
                                  .profile_sha256 = next->unpacked.sha256,
                                  .profile_name = next->profile.name,
                                  .profile_version = next->profile.version};
  profile = std::move(next->profile);
  const NodeConfig& config = in_force_.config();
  auto plan = present_.plan_of(config, *profile, next->number, next->unpacked.sha256);
  if (!plan) return plan;
  plan->allow_destroy = config.allow_destroy;
  plan->repair = config.repair_drift;
  return plan;
}

bool Agent::owes_generation() const {
  const auto& generation = shell_.state().generation;
  const bool same = generation && present_.known() &&
                    generation->config_hash == in_force_.config().config_hash &&
                    (!origin_ || generation->source == origin_->fingerprint);
  return in_force_.known() && !same && !shell_.state().leaving;
}

Json Agent::plan(bool unanswered) const {
  const auto& generation = shell_.state().generation;
  Prospect prospect{.scene = scene(), .needs = shell_.needs()};
  prospect.unanswered = unanswered;
  prospect.obstacle = obstacle();
  prospect.pending = owes_generation();
  std::optional<Plan> next;
  std::optional<Profile> profile;
  if (!prospect.pending) {
    prospect.target = shell_.plan() ? &*shell_.plan() : nullptr;
  } else if (!prospect.obstacle) {
    auto made = next_plan(prospect, profile);
    if (made) next = std::move(*made);
    if (!made) prospect.obstacle = made.error();
    prospect.target = next ? &*next : nullptr;
  }
  if (prospect.pending && generation) {
    const auto before = load_config(config_file(places_.generations(), generation->number));
    if (before) {
      prospect.changes =
          config_changes({*before, present_.known() ? &present_.profile() : nullptr},
                         {to_json(in_force_.config(), SecretForm::kDigest, salt_,
                                  profile ? sensitive_keys(*profile) : std::set<std::string>()),
                          profile ? &*profile : nullptr});
    }
  }
  if (!prospect.obstacle && prospect.target != nullptr) {
    prospect.obstacle = taken_name(*prospect.target);
  }
  return plan_json(prospect);
}

void Agent::ask_plan(std::function<void(Json)> answer) {
  // The tree as it is now: a change of this moment may not have been noticed yet.
  const auto tree = resolve_config(system_config_sources());
  const bool told = tree && in_force_.known() && shell_.state().config_reason.empty() &&
                    tree->config_hash == in_force_.config().config_hash;
  if (!told) read_config();
  if (plans_asked_.empty()) {
    plan_timers_.wake_at(plan_timers_.now_mono_usec() + kPlanUsec, [this] { answer_plans(true); });
  }
  plans_asked_.push_back(std::move(answer));
  shell_.recheck();
}

// Who asked hears once all checks have answered and the profile is here, or time is up.
void Agent::answer_plans(bool now) {
  if (plans_asked_.empty()) return;
  const bool checking = shell_.decision().rechecking;
  if (!now && (checking || fetching())) return;
  const auto waiting = std::exchange(plans_asked_, {});
  const Json told = plan(checking);
  for (const auto& answer : waiting)
    answer(told);
}

}  // namespace klubster
