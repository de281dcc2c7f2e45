// From boot to peers told (architecture.md). What makes generations, what people ask for and the
// recovery ladder stand in files of their own.
#include "daemon/agent.h"

#include <utility>

#include "base/log.h"
#include "base/utc_time.h"
#include "daemon/core_runs.h"
#include "daemon/media_news.h"
#include "daemon/reset.h"
#include "daemon/resources.h"
#include "linux/log_history.h"
#include "linux/machine.h"
#include "linux/notify.h"
#include "model/clock_floor.h"

namespace klubster {

namespace {

// Many steps that end at once are told together.
constexpr std::uint64_t kTellPauseUsec = 50'000;

}  // namespace

Result<std::unique_ptr<Agent>> Agent::create(EventLoop& loop, Bus& bus, Places places,
                                             const std::optional<Error>& refused) {
  auto boot = boot_id();
  if (!boot) return boot.error();
  auto machine = machine_identity();
  if (!machine) return machine.error();
  auto disk = open_state(places, *boot, refused);
  if (!disk) return disk.error();
  return std::unique_ptr<Agent>(
      new Agent(loop, bus, std::move(places), std::move(*disk), *boot, *machine));
}

Agent::Agent(EventLoop& loop, Bus& bus, Places places, StateOnDisk disk, std::string boot,
             std::string machine)
    : bus_(bus),
      places_(std::move(places)),
      log_(std::move(disk.log)),
      standstill_(std::move(disk.refused)),
      boot_(std::move(boot)),
      machine_(std::move(machine)),
      salt_(std::move(disk.salt)),
      timers_(loop),
      console_timers_(loop),
      plan_timers_(loop),
      tell_timers_(loop),
      boot_timers_(loop),
      retry_timers_(loop),
      telemetry_timers_(loop),
      units_(loop, bus),
      facts_(places_.facts(), salt_),
      steps_(places_, facts_),
      workers_(places_),
      shell_({units_, log_, timers_, steps_, workers_}, std::move(disk.state), boot_),
      collector_(shell_, workers_),
      telemetry_(shell_, telemetry_timers_, places_, salt_,
                 [this](std::uint64_t since_seq, std::size_t limit) {
                   return read_events(places_.log(), since_seq, limit);
                 }),
      peering_(bus, places_, [this](PeerNews news) { take_news(std::move(news)); }),
      watch_(loop, {}, [this] { read_config(); }),
      hostname_(loop, bus,
                [this] {
                  hold_steps();
                  shell_.settle();
                }),
      target_(bus),
      in_force_(places_, salt_),
      present_(places_, salt_, facts_),
      boot_judge_(boot_timers_, [this] { shell_.settle(); }),
      console_(console_timers_, places_.issue(), std::string(names::kAgettyReload)),
      motd_(places_.motd(), "the message of the day"),
      metrics_(places_.metrics(), "the metrics file") {}

void Agent::start() {
  steps_.on_damage([this](const std::string& profile_dir) {
    workers_.distrust(profile_dir);
    shell_.settle();  // it is brought again
  });
  steps_.on_telemetry([this] { return telemetry_.environment(); });
  if (standstill_) shell_.only_look();
  set_problem("state", standstill_);
  facts_.load(shell_.state());
  (void)tell_cluster();  // nothing is planned yet
  boot_judge_.begin();
  restore_trial();
  const ConfigSources sources = system_config_sources();
  restore_generation(sources);
  record_boot(sources);
  stop_rebooting();
  if (!standstill_ && !shell_.state().reset_owed) forget_order(places_);
  shell_.on_settled([this] {
    set_problem("facts", facts_.trouble());
    if (standstill_) {
      judge_boot();
      show();
      return answer_plans(true);
    }
    hold_steps();
    climb();
    consider_forming();
    consider_generation();
    finish_apply();
    collector_.advance(origin_, not_to_collect());
    set_problem("garbage", collector_.problem());
    telemetry_.advance();
    try_again_later();
    keep_trial();
    tidy_log();
    judge_boot();
    show();
    answer_plans(false);
    reset_if_owed();
  });
  read_config();
}

void Agent::tidy_log() {
  auto tidied = log_.tidy(shell_.state());
  set_problem("log", tidied ? std::optional<Error>() : std::move(tidied.error()));
}

// Once everything is undone: this daemon is stopped and comes back with an empty log.
void Agent::reset_if_owed() {
  const NodeState& state = shell_.state();
  if (!state.reset_owed || reset_begun_) return;
  reset_begun_ = true;
  peering_.farewell([this] {
    auto begun = begin_reset(bus_, places_, shell_.state().leave);
    set_problem("reset", begun ? std::optional<Error>() : begun.error());
  });
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
    // Consent that is taken back ends it at once, whatever waits for an apply.
    if (!standstill_) telemetry_.configure(in_force_.config().telemetry);
    acquire_profile();
  }
  if (in_force_.known() || present_.known()) prepare_steps();
  refresh_plan();
  consider_forming();
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
  // Recovery mode that began before the tree was read has still to learn which one it is.
  const bool awaited = state.recovery && state.recovery->tree.config_hash.empty();
  const bool same = state.config_hash == config.config_hash && state.config_reason.empty();
  if (same && !awaited) return;
  shell_.record(config_accepted(config.config_hash));
  for (const auto& warning : config.warnings)
    log_warning(warning);
}

// An apply is over when nothing moves any more, whatever came of it. During a collection no
// generation begins, so what was asked for may still be to come.
void Agent::finish_apply() {
  const bool rests = !shell_.moves() && !shell_.world().collecting;
  if (shell_.state().applying && rests) shell_.record(apply_ended());
}

// Facts are kept before anything is done with them: a reboot without network has them.
void Agent::take_news(PeerNews news) {
  if (news.addresses != addresses_) {
    addresses_ = news.addresses;
    if (auto written = steps_.write_members(running(), addresses_); !written) {
      log_error(written.error());
    }
  }
  // Before there is a plan nobody has asked for any.
  if (shell_.plan() && present_.known()) {
    judge_facts(news, *shell_.plan(), present_.profile());
  } else {
    news.facts.clear();
  }
  bool changed = false;
  for (auto& [subject, facts] : news.facts) {
    const auto need = news.needs.find(subject);
    if (need == news.needs.end() || !need->second.satisfied || facts.empty()) continue;
    const auto kept = facts_.received().find(subject);
    const Json digests = facts_.digests_of(facts);
    if (kept != facts_.received().end() && facts_.digests_of(kept->second) == digests) continue;
    if (auto stored = facts_.keep_received(subject, facts); !stored) {
      log_error(std::move(stored.error()).in("keeping facts for " + subject));
      continue;
    }
    shell_.record(needs_met(subject, digests));
    changed = true;
  }
  set_problem("conflict", std::move(news.conflict));
  set_problem("peering", std::move(news.refusal));
  forming_peers_ = std::move(news.forming);
  consider_forming();
  shell_.set_needs(std::move(news.needs));
  if (changed) refresh_plan();
  shell_.settle();
}

// What is asked for has to be recorded, and nobody else's is under way.
Status Agent::may_change(const Guard& guard) const {
  if (standstill_) return *standstill_;
  return klubster::may_change(shell_.state(), guard);
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
  return {in_force_.config(), shell_.state(),           shell_.plan(),
          shell_.decision(),  shell_.acquisition(),     problems_,
          log_.damage(),      boot_judge_.assessment(), forming_ ? &*forming_ : nullptr};
}

Json Agent::status() const {
  const Scene now = scene();
  Json status = status_json(now, conditions_of(now, conditions_, utc_text(now_wall_usec())));
  add_resources(status, shell_.state(), shell_.world(),
                [](const std::string& group) { return read_cgroup_usage(group); });
  add_core_runs(status, places_);
  status["telemetry"] = telemetry_.status();
  // By itself it goes on where apply is automatic, and nothing comes of a node that has left.
  const NodeState& state = shell_.state();
  status["waitsForApply"] = state.generation && !state.gone && !state.applying &&
                            !now.config.apply_auto && owes_generation();
  return status;
}

// Tells everybody who looks: peers, D-Bus, systemd. At once, unless that was done just now.
void Agent::show() {
  const std::uint64_t due = told_mono_usec_ + kTellPauseUsec, moment = now_boottime_usec();
  if (told_mono_usec_ > 0 && moment < due) return tell_timers_.wake_at(due, [this] { show(); });
  told_mono_usec_ = moment;
  for (const auto& view : shell_.decision().views) {
    const Step* step = shell_.plan() ? shell_.plan()->find(view.subject) : nullptr;
    if (step != nullptr && view.settled()) steps_.drop_outputs(*step);
  }
  show_recovery();
  const std::string now = utc_text(now_wall_usec());
  auto clock = clock_trouble(now_wall_usec(), clock_floor_usec(shell_.state()));
  workers_.set_clock_trouble(clock);
  if (!clock || problems_.count("clock") == 0) set_problem("clock", std::move(clock));  // told once
  conditions_ = conditions_of(scene(), std::move(conditions_), now);
  if (const auto line = download_news_.line(shell_.acquisition().progress, now_boottime_usec())) {
    log_info(*line);
  }
  Json status = status_json(scene(), conditions_);
  show_on_machine(status);
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
  notify(std::string("STATUS=") + (shell_.state().recovery   ? "in recovery mode"
                                   : status.bool_or("ready") ? "ready"
                                                             : "not ready"));
  if (changed_) changed_(status);
}

}  // namespace klubster
