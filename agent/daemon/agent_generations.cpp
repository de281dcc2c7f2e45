// Which generation is in force: restored, acquired, made.
#include <algorithm>

#include "base/log.h"
#include "daemon/agent.h"
#include "engine/core_profile.h"
#include "linux/unit_files.h"

namespace klubster {

namespace {

constexpr std::uint64_t kFirstRetryUsec = 10'000'000, kLastRetryUsec = 600'000'000;

}  // namespace

// A service of a well-known name that the machine has a unit file of.
std::optional<Error> taken_name(const Plan& plan) {
  for (const auto& step : plan.steps) {
    if (step.spec.unit_name.empty() || step.skipped) continue;
    const std::string file = machine_unit_file(step.spec.unit_name);
    if (file.empty()) continue;
    return Error(ErrorKind::kInvalid, "UnitExists",
                 "the machine has a unit " + step.spec.unit_name + " (" + file + ")")
        .in("step " + step.subject);
  }
  return std::nullopt;
}

// The generation that ran before: from disk, with today's secrets, without network.
void Agent::restore_generation(const ConfigSources& sources) {
  const auto& generation = shell_.state().generation;
  if (!generation) return;
  auto restored = present_.restore(*generation, sources);
  set_problem("generation", restored ? std::optional<Error>() : restored.error());
  if (restored) in_force_.treat_as_secret(sensitive_keys(present_.profile()));
}

// A generation that was restored while one of its secrets could not be read gets it once it can.
void Agent::renew_secrets(const ConfigSources& sources) {
  const auto& generation = shell_.state().generation;
  if (!generation || present_.whole()) return;
  if (present_.known() && in_force_.whole() &&
      in_force_.config().config_hash == generation->config_hash) {
    present_.renew(in_force_.config());
  } else {
    restore_generation(sources);
  }
}

void Agent::acquire_profile() {
  const NodeConfig& config = in_force_.config();
  std::optional<ProfileOrigin> origin;
  if (config.profile.assigned()) {
    auto assigned = workers_.assign(config, shell_.state().key_seq);
    set_problem("profile", assigned ? std::optional<Error>() : assigned.error());
    if (assigned) origin = std::move(*assigned);
    if (origin) hold_ratchet(origin->fingerprint);
  } else {
    set_problem("profile", Error(ErrorKind::kInvalid, "NotConfigured", "no profile is assigned"));
  }
  // Of the same origin the acquisition goes on where it is.
  const bool same = origin && origin_ && origin->fingerprint == origin_->fingerprint;
  origin_ = std::move(origin);
  if (!same) shell_.set_origin(origin_);
}

// Who allows a downgrade allows it to the profile that is assigned now, unless it is here already.
void Agent::hold_ratchet(const std::string& source) {
  const auto& accepted = shell_.state().profile;
  const bool here = accepted && accepted->source == source;
  if (!downgrade_by_.empty() && !here) shell_.record(downgrade_allowed(source, downgrade_by_));
  workers_.set_ratchet(shell_.state().ratchet(source));
}

// What steps see: the present generation's config. Before there is one, nothing runs.
const NodeConfig& Agent::running() const {
  return present_.known() ? present_.config() : in_force_.config();
}

void Agent::prepare_steps() {
  if (present_.known()) telemetry_.set_scenario(present_.profile().scenario);
  steps_.set_config(running());
  if (auto written = steps_.write_members(running(), addresses_); !written) {
    log_error(written.error());
  }
  hostname_.want(running().set_hostname ? running().node : "");
  hold_steps();
}

void Agent::hold_steps() {
  const AcquireDecision& acquisition = shell_.acquisition();
  const bool mends = workers_.distrusts() && origin_ && !acquisition.acquired;
  std::string held = hostname_.waits();
  // A step would only fail again until then; when nobody has the profile it is the step's failure.
  if (held.empty() && mends && acquisition.reason.empty()) {
    held = "the profile, which is damaged and is brought again";
  }
  if (held != shell_.world().held) {
    shell_.set_held(std::move(held));
    shell_.settle();
  }
  set_problem("hostname", hostname_.problem());
}

// The plan of the present generation, with the facts that are known by now.
void Agent::refresh_plan() {
  const auto& generation = shell_.state().generation;
  if (!generation || !present_.known()) return;
  auto plan = present_.plan(shell_.state(), system_config_sources());
  set_problem("obsolete", present_.trouble());
  if (!plan) {
    // What runs goes on by the plan that it was started with.
    set_problem("plan", plan.error());
    return;
  }
  set_problem("plan", std::nullopt);
  peering_.set_needs(*plan);
  shell_.set_plan(std::move(*plan));
}

// When the profile is on the disk and something differs from the present generation: a new one.
void Agent::consider_generation() {
  make_refused_ = false;
  if (!origin_ || !shell_.acquisition().acquired || !in_force_.whole()) return;
  if (shell_.world().collecting) return;  // it may not know of this profile
  const NodeState& state = shell_.state();
  const NodeConfig& config = in_force_.config();
  const bool same = present_.known() && state.generation->config_hash == config.config_hash &&
                    state.generation->source == origin_->fingerprint;
  if (same) reload_asked_ = false;
  if (same || state.leaving) return;
  // Who has left may clean the tree up without coming back by that.
  if (state.gone && !reload_asked_) return;
  if (state.generation && !config.apply_auto && !is_apply_awaited()) return;
  if (is_shut_out()) return;
  auto made = make_generation();
  set_problem("plan", made ? std::optional<Error>() : made.error());
  if (!made) {
    make_refused_ = made.error().kind() == ErrorKind::kIo || made.error().reason() == "UnitExists";
    return;
  }
  reload_asked_ = false;
  prepare_steps();
  refresh_plan();
  shell_.settle();  // taken up after the present round
}

// What the disk refused, or a unit of the machine, is tried again by itself, ever more seldom.
void Agent::try_again_later() {
  if (!make_refused_ && !collector_.failed()) {
    retry_pause_usec_ = 0;
    return retry_timers_.cancel();
  }
  const std::uint64_t now = retry_timers_.now_mono_usec();
  if (retry_pause_usec_ != 0 && now < retry_at_usec_) return;  // its time is still to come
  retry_pause_usec_ = std::clamp(2 * retry_pause_usec_, kFirstRetryUsec, kLastRetryUsec);
  retry_at_usec_ = now + retry_pause_usec_;
  retry_timers_.wake_at(retry_at_usec_, [this] {
    collector_.try_again();
    shell_.settle();
  });
}

// Whether somebody's apply has still to make its generation. Who asks for the tree's changes does
// not get those of an older one, because the tree is bad.
bool Agent::is_apply_awaited() const {
  const NodeState& state = shell_.state();
  return state.applying && !state.applying->made && state.config_reason.empty();
}

Result<Agent::Upcoming> Agent::upcoming() const {
  auto unpacked = workers_.unpacked();
  if (!unpacked) return unpacked.error();
  auto profile = profile_from_json(unpacked->manifest);
  if (!profile) return profile.error();
  // What it says of this node is part of the generation, as the config is.
  profile = with_core(*profile, in_force_.config());
  if (!profile) return profile.error();
  const auto& generation = shell_.state().generation;
  return Upcoming{std::move(*unpacked), std::move(*profile),
                  generation ? generation->number + 1 : 1};
}

Status Agent::make_generation() {
  auto next = upcoming();
  if (!next) return next.error();
  const auto& [unpacked, profile, number] = *next;
  const NodeState& state = shell_.state();
  // A profile that does not fit this node is refused before anything of the old one is touched.
  const NodeConfig& config = in_force_.config();
  auto plan = present_.plan_of(config, profile, number, unpacked.sha256);
  if (!plan) return plan.error();

  const std::string by = is_apply_awaited() ? state.applying->by : "";
  const GenerationFacts generation{number,
                                   config.config_hash,
                                   origin_->fingerprint,
                                   unpacked.sha256,
                                   profile.name,
                                   profile.version,
                                   by};
  if (auto taken = taken_name(*plan)) return *taken;
  if (auto made = present_.make(generation, config, profile); !made) return made;
  in_force_.treat_as_secret(sensitive_keys(profile));
  if (!state.profile || state.profile->sha256 != unpacked.sha256 ||
      state.profile->source != origin_->fingerprint) {
    shell_.record(profile_accepted({origin_->fingerprint, unpacked.sha256, profile.name,
                                    profile.version, unpacked.signer, unpacked.seq}));
    log_info("profile " + profile.name + " " + profile.version + " is verified and sealed",
             {{"KLUBSTER_PROFILE", unpacked.sha256}});
    hold_ratchet(origin_->fingerprint);
    workers_.drop_downloads();  // the sealed tree is what stays
  }
  shell_.record(generation_made(generation));
  log_info("generation " + std::to_string(number) + " begins");
  set_problem("generation", std::nullopt);
  return {};
}

}  // namespace klubster
