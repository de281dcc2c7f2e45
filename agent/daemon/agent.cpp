// From boot to peers told (architecture.md).
#include "daemon/agent.h"

#include "base/digest.h"
#include "base/log.h"
#include "daemon/media_news.h"
#include "linux/config_tree.h"
#include "linux/machine.h"
#include "linux/notify.h"

namespace klubster {

Result<std::unique_ptr<Agent>> Agent::create(EventLoop& loop, Bus& bus, Places places) {
  if (auto made = make_places(places); !made) return made.error();
  auto boot = boot_id();
  if (!boot) return boot.error();
  auto machine = machine_identity();
  if (!machine) return machine.error();
  auto salt = node_salt(places.salt());
  if (!salt) return salt.error();
  NodeState state;
  auto log =
      EventLog::open(places.log(), *boot, [&state](const Event& event) { state.fold(event); });
  if (!log) return log.error();
  return std::unique_ptr<Agent>(new Agent(loop, bus, std::move(places), std::move(*log),
                                          std::move(state), *boot, *machine, *salt));
}

Agent::Agent(EventLoop& loop, Bus& bus, Places places, EventLog log, NodeState state,
             std::string boot, std::string machine, std::string salt)
    : places_(std::move(places)),
      log_(std::move(log)),
      boot_(std::move(boot)),
      machine_(std::move(machine)),
      salt_(std::move(salt)),
      timers_(loop),
      units_(bus),
      facts_(places_.facts()),
      steps_(places_, facts_),
      workers_(places_),
      shell_({units_, log_, timers_, steps_, workers_}, std::move(state), boot_),
      peering_(bus, places_, [this](PeerNews news) { take_news(std::move(news)); }),
      watch_(loop, {}, [this] { read_config(); }),
      hostname_(loop, bus,
                [this] {
                  hold_steps();
                  shell_.settle();
                }),
      in_force_(places_, salt_) {}

void Agent::start() {
  facts_.load();
  record_boot();
  shell_.on_settled([this] {
    consider_generation();
    show();
  });
  restore_generation(system_config_sources());
  read_config();
}

void Agent::record_boot() {
  const NodeState& state = shell_.state();
  if (state.boot == boot_) return;  // the daemon was restarted, the machine was not
  if (!log_.damage().empty()) return shell_.record(booted("degraded", log_.damage()));
  if (state.last_seq == 0) return shell_.record(booted("first", "no event log was there"));
  shell_.record(booted("normal", "the event log is sound"));
}

// The generation that ran before: from disk, with today's secrets, without network.
void Agent::restore_generation(const ConfigSources& sources) {
  const auto& generation = shell_.state().generation;
  if (!generation) return;
  auto stored = load_generation(places_.generations(), generation->number);
  auto config = stored ? restore_config(stored->config, sources) : stored.error();
  if (!config) {
    return set_problem("generation", std::move(config.error()).in("restoring the last generation"));
  }
  const bool whole = config->warnings.empty();  // it warns of each secret that it lacks
  present_ = Present{std::move(*config), std::move(stored->profile), whole};
  set_problem("generation", std::nullopt);
}

void Agent::reload() {
  reload_asked_ = true;
  read_config();
}

void Agent::read_config() {
  std::vector<std::string> roots, files = {std::string(names::kHardwareFile), places_.media()};
  const ConfigSources places = system_config_sources();
  for (const auto& root : places.roots)
    roots.push_back(root.path);
  for (const auto& [variable, path] : places.locations)
    files.push_back(path);
  // Before anything is read, so that no change falls between two readings.
  watch_.watch(roots, files);
  set_problem("media", refused_medium(places_.media()));
  const ConfigSources sources = system_config_sources();
  show_verdict(in_force_.read(sources, shell_.state()));
  renew_secrets(sources);
  if (in_force_.known()) {
    if (auto started = peering_.configure(in_force_.config(), machine_, boot_); !started) {
      log_error(std::move(started.error()).in("configuring klubster-peerd"));
    }
    acquire_profile();
  }
  if (in_force_.known() || present_) prepare_steps();
  refresh_plan();
  shell_.settle();
}

// What the reading of the tree came to, on record. The same again is no news.
void Agent::show_verdict(const Status& read) {
  const NodeState& state = shell_.state();
  set_problem("last-good", in_force_.trouble());
  if (!read) {
    const Error& error = read.error();
    const bool told = state.config_message == error.message();
    if (!told) shell_.record(config_rejected(error.reason(), error.message()));
    return set_problem("config", error);
  }
  set_problem("config", std::nullopt);
  const NodeConfig& config = in_force_.config();
  if (state.config_hash == config.config_hash && state.config_reason.empty()) return;
  shell_.record(config_accepted(config.config_hash));
  for (const auto& warning : config.warnings)
    log_warning(warning);
}

// A generation that was restored while one of its secrets could not be read gets it once it can.
void Agent::renew_secrets(const ConfigSources& sources) {
  const auto& generation = shell_.state().generation;
  if (!generation || (present_ && present_->whole)) return;
  if (present_ && in_force_.whole() && in_force_.config().config_hash == generation->config_hash) {
    present_->config = in_force_.config();
    present_->whole = true;
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
  } else {
    set_problem("profile", Error(ErrorKind::kInvalid, "NotConfigured", "no profile is assigned"));
  }
  // Of the same origin the acquisition goes on where it is.
  const bool same = origin && origin_ && origin->fingerprint == origin_->fingerprint;
  origin_ = std::move(origin);
  if (!same) shell_.set_origin(origin_);
}

// What steps see: the present generation's config. Before there is one, nothing runs.
const NodeConfig& Agent::running() const {
  return present_ ? present_->config : in_force_.config();
}

void Agent::prepare_steps() {
  steps_.set_config(running());
  if (auto written = steps_.write_members(running(), addresses_); !written) {
    log_error(written.error());
  }
  hostname_.want(running().set_hostname ? running().node : "");
  hold_steps();
}

void Agent::hold_steps() {
  shell_.set_held(hostname_.waits());
  set_problem("hostname", hostname_.problem());
}

Result<Plan> Agent::plan_for(const NodeConfig& config, const Profile& profile, std::uint64_t number,
                             const std::string& sha256) const {
  PlanInputs given;
  given.generation = number;
  given.profile_dir = places_.profile(sha256);
  given.modes = config.modes;
  given.values = config.inputs;
  given.secrets = config.secrets;
  given.steps_path = config.steps_path;
  given.salt = salt_;
  for (const auto& [subject, facts] : facts_.received()) {
    for (const auto& [name, fact] : facts)
      given.facts[subject][name] = fact.value;
  }
  auto plan = make_plan(profile, given);
  if (plan && config.recovery_attempts > 0) {
    for (auto& step : plan->steps)
      step.spec.retry.attempts = config.recovery_attempts;
  }
  return plan;
}

// The plan of the present generation, with the facts that are known by now.
void Agent::refresh_plan() {
  const auto& generation = shell_.state().generation;
  if (!generation || !present_) return;
  auto plan =
      plan_for(present_->config, present_->profile, generation->number, generation->profile_sha256);
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
  if (!origin_ || !shell_.acquisition().acquired || !in_force_.whole()) return;
  const NodeState& state = shell_.state();
  const NodeConfig& config = in_force_.config();
  const bool same = present_ && state.generation->config_hash == config.config_hash &&
                    state.generation->source == origin_->fingerprint;
  if (same) reload_asked_ = false;
  if (same || state.leaving) return;
  // Who has left may clean the tree up without coming back by that.
  if (state.gone && !reload_asked_) return;
  // Who asks for the tree's changes does not get those of an older one, because the tree is bad.
  const bool asked = apply_asked_ && state.config_reason.empty();
  if (state.generation && !config.apply_auto && !asked) return;
  auto made = make_generation();
  set_problem("plan", made ? std::optional<Error>() : made.error());
  if (!made) return;
  apply_asked_ = reload_asked_ = false;
  prepare_steps();
  refresh_plan();
  shell_.settle();  // taken up after the present round
}

Status Agent::make_generation() {
  auto unpacked = workers_.unpacked();
  if (!unpacked) return unpacked.error();
  auto profile = profile_from_json(unpacked->manifest);
  if (!profile) return profile.error();
  const NodeState& state = shell_.state();
  const std::uint64_t number = state.generation ? state.generation->number + 1 : 1;
  // A profile that does not fit this node is refused before anything of the old one is touched.
  const NodeConfig& config = in_force_.config();
  auto plan = plan_for(config, *profile, number, unpacked->sha256);
  if (!plan) return plan.error();

  const Json stored = to_json(config, SecretForm::kDigest, salt_);
  auto saved = save_generation(places_.generations(), number, stored, *profile);
  if (!saved) return saved;
  if (!state.profile || state.profile->sha256 != unpacked->sha256 ||
      state.profile->source != origin_->fingerprint) {
    shell_.record(profile_accepted({origin_->fingerprint, unpacked->sha256, profile->name,
                                    profile->version, unpacked->signer, unpacked->seq}));
    log_info("profile " + profile->name + " " + profile->version + " is verified and sealed",
             {{"KLUBSTER_PROFILE", unpacked->sha256}});
    workers_.drop_downloads();  // the sealed tree is what stays
  }
  shell_.record(generation_made({number, config.config_hash, origin_->fingerprint, unpacked->sha256,
                                 profile->name, profile->version}));
  log_info("generation " + std::to_string(number) + " begins");
  present_ = Present{config, std::move(*profile), true};
  set_problem("generation", std::nullopt);
  return {};
}

// Facts are kept before anything is done with them: a reboot without network has them.
void Agent::take_news(PeerNews news) {
  if (news.addresses != addresses_) {
    addresses_ = news.addresses;
    if (auto written = steps_.write_members(running(), addresses_); !written) {
      log_error(written.error());
    }
  }
  bool changed = false;
  for (auto& [subject, facts] : news.facts) {
    const auto need = news.needs.find(subject);
    if (need == news.needs.end() || !need->second.satisfied || facts.empty()) continue;
    const auto kept = facts_.received().find(subject);
    const Json digests = digests_of(facts);
    if (kept != facts_.received().end() && digests_of(kept->second) == digests) continue;
    if (auto stored = facts_.keep_received(subject, facts); !stored) {
      log_error(std::move(stored.error()).in("keeping facts for " + subject));
      continue;
    }
    shell_.record(needs_met(subject, digests));
    changed = true;
  }
  shell_.set_needs(std::move(news.needs));
  if (changed) refresh_plan();
  shell_.settle();
}

Status Agent::apply(std::uint64_t if_generation, const std::string& by) {
  const auto& generation = shell_.state().generation;
  const std::uint64_t present = generation ? generation->number : 0;
  if (if_generation != 0 && if_generation != present) {
    return Error(ErrorKind::kConflict, "GenerationDiffers",
                 "expected generation " + std::to_string(if_generation) + ", found " +
                     std::to_string(present));
  }
  apply_asked_ = true;
  const bool had_left = shell_.state().gone;
  if (!had_left) shell_.record(retry_requested(by));
  reload();
  // A node that has left comes back with its new config, not with the old one until that is there.
  const bool changed = generation && generation->config_hash != in_force_.config().config_hash;
  if (had_left && !changed) {
    shell_.record(retry_requested(by));
    shell_.settle();
  }
  return {};
}

void Agent::leave(const std::string& by) {
  apply_asked_ = reload_asked_ = false;  // what was asked for before is over
  if (!shell_.state().leaving && !shell_.state().gone) shell_.record(leave_requested(by));
  shell_.settle();
}

Result<std::vector<Event>> Agent::history(std::uint64_t since_seq, std::size_t limit) const {
  return read_events(places_.log(), since_seq, limit);
}

void Agent::set_problem(const std::string& about, std::optional<Error> error) {
  const auto known = problems_.find(about);
  const bool told =
      known != problems_.end() && error && known->second.message() == error->message();
  if (error && !told) log_error(*error);
  if (known != problems_.end()) problems_.erase(known);
  if (error) problems_.emplace(about, std::move(*error));
}

Scene Agent::scene() const {
  return {in_force_.config(),   shell_.state(), shell_.plan(), shell_.decision(),
          shell_.acquisition(), problems_,      log_.damage()};
}

// Tells everybody who looks: peers, D-Bus, systemd.
void Agent::show() {
  for (const auto& view : shell_.decision().views) {
    const Step* step = shell_.plan() ? shell_.plan()->find(view.subject) : nullptr;
    if (step != nullptr && view.settled()) steps_.drop_outputs(*step);
  }
  const std::string now = utc_text(now_wall_usec());
  conditions_ = conditions_of(scene(), std::move(conditions_), now);
  if (const auto line = download_news_.line(shell_.acquisition().progress, now_boottime_usec())) {
    log_info(*line);
  }
  Json status = status_json(scene(), conditions_);
  status["download"] = nullptr;  // who wants to see it grow asks; nobody is told each second
  const std::string text = status.dump();
  if (text == shown_) return;
  shown_ = text;
  std::map<std::string, Facts> made;
  if (shell_.plan() && !shell_.state().gone) {
    for (const auto& [subject, facts] : facts_.made()) {
      if (shell_.plan()->find(subject) != nullptr) made[subject] = facts;
    }
  }
  peering_.set_facts(made);
  peering_.publish(record_body(scene(), conditions_));
  notify(std::string("STATUS=") + (status.bool_or("ready") ? "ready" : "not ready"));
  if (changed_) changed_();
}

}  // namespace klubster
