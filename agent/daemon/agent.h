// The agent of this node: config, profile, plan, engine and peers put together.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config_in_force.h"
#include "daemon/download_news.h"
#include "daemon/generations.h"
#include "daemon/hostname.h"
#include "daemon/peering.h"
#include "daemon/places.h"
#include "daemon/status.h"
#include "daemon/step_host.h"
#include "daemon/worker_host.h"
#include "engine/shell.h"
#include "linux/event_log.h"
#include "linux/loop_timers.h"
#include "linux/systemd_units.h"
#include "linux/tree_watch.h"

namespace klubster {

class Agent {
 public:
  // Reads what is on disk. Nothing is started before start().
  static Result<std::unique_ptr<Agent>> create(EventLoop& loop, Bus& bus, Places places);

  // Begins: the boot is recorded, what runs is adopted, the config tree is read.
  void start();

  // Reads the config tree again. A bad one changes nothing but a condition.
  void reload();
  // Tries again what failed, and applies what waits when apply/auto is false. kConflict when
  // `if_generation` is not 0 and not the present generation.
  Status apply(std::uint64_t if_generation, const std::string& by);
  // Undoes this node's steps in reverse and says goodbye.
  void leave(const std::string& by);

  Json status() const { return status_json(scene(), conditions_); }
  Json plan() const { return plan_json(scene()); }
  Result<std::vector<Event>> history(std::uint64_t since_seq, std::size_t limit) const;

  // Called when status() says something else than before.
  void on_change(std::function<void()> handler) { changed_ = std::move(handler); }

 private:
  Agent(EventLoop& loop, Bus& bus, Places places, EventLog log, NodeState state, std::string boot,
        std::string machine, std::string salt);

  Scene scene() const;
  void record_boot();
  void restore_generation(const ConfigSources& sources);
  void read_config();
  void show_verdict(const Status& read);
  void renew_secrets(const ConfigSources& sources);
  void acquire_profile();
  const NodeConfig& running() const;
  void prepare_steps();
  void hold_steps();
  void refresh_plan();
  void consider_generation();
  Status make_generation();
  Result<Plan> plan_for(const NodeConfig& config, const Profile& profile, std::uint64_t number,
                        const std::string& sha256) const;
  void take_news(PeerNews news);
  void show();
  void set_problem(const std::string& about, std::optional<Error> error);

  Places places_;
  EventLog log_;
  std::string boot_, machine_, salt_;
  LoopTimers timers_;
  SystemdUnits units_;
  FactStore facts_;
  StepFiles steps_;
  ProfileWorkers workers_;
  Shell shell_;
  Peering peering_;
  TreeWatch watch_;
  Hostname hostname_;

  // What the present generation was made of: its steps see nothing else until there is a new one.
  struct Present {
    NodeConfig config;
    Profile profile;
    bool whole;  // false: a secret of it could not be read
  };

  ConfigInForce in_force_;
  std::optional<Present> present_;
  std::optional<ProfileOrigin> origin_;
  bool apply_asked_ = false;
  bool reload_asked_ = false;                                  // not by a change of the tree alone
  std::map<std::string, std::vector<std::string>> addresses_;  // of members
  std::vector<Condition> conditions_;
  std::map<std::string, Error> problems_;  // by topic
  DownloadNews download_news_;
  std::string shown_;  // the status that was announced last
  std::function<void()> changed_;
};

}  // namespace klubster
