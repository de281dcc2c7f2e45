// The agent of this node: config, profile, plan, engine and peers put together.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/boot.h"
#include "daemon/config_in_force.h"
#include "daemon/console.h"
#include "daemon/download_news.h"
#include "daemon/garbage_collector.h"
#include "daemon/hostname.h"
#include "daemon/kept_file.h"
#include "daemon/one_writer.h"
#include "daemon/peering.h"
#include "daemon/places.h"
#include "daemon/present.h"
#include "daemon/recovery_target.h"
#include "daemon/state_on_disk.h"
#include "daemon/status.h"
#include "daemon/step_host.h"
#include "daemon/telemetry.h"
#include "daemon/worker_host.h"
#include "engine/forming.h"
#include "engine/shell.h"
#include "linux/event_log.h"
#include "linux/loop_timers.h"
#include "linux/systemd_units.h"
#include "linux/tree_watch.h"

namespace klubster {

struct Prospect;

// Why the plan cannot be carried out: the machine has a unit file of a service's well-known name.
std::optional<Error> taken_name(const Plan& plan);

// Why a generation is left for an earlier one; `by` is empty when the recovery ladder does it.
struct RollbackReason {
  std::string reason, message, by;
};

// What somebody who asks for an apply wants.
struct ApplyRequest {
  Guard guard = {};
  std::string until = {};        // subject of the last step to be begun; empty: all
  bool allow_destroy = false;    // what vanished from the profile may be undone
  bool allow_downgrade = false;  // the profile may be older than one that its key signed
  std::string by = {};           // who asks: "root (uid 0, pid 123)"
};

class Agent {
 public:
  // Reads what is on disk. Nothing is started before start(). `refused`: why an earlier one in
  // this process could not write its state (StoreRefused).
  static Result<std::unique_ptr<Agent>> create(EventLoop& loop, Bus& bus, Places places,
                                               const std::optional<Error>& refused);

  // Why nothing can be made durable now: then the agent looks and tells, and does nothing else.
  const std::optional<Error>& standstill() const { return standstill_; }

  // Begins: the boot is recorded, what runs is adopted, the config tree is read.
  void start();

  // To be called when klubsterd is told to end: records it when the machine goes down, then `done`.
  void stop(std::function<void()> done);

  // Reads the config tree again. A bad one changes nothing but a condition.
  void reload();
  // Tries again what failed, and applies what waits when apply/auto is false. It is under way until
  // nothing moves any more. kConflict as may_change(), or when the node is leaving.
  Status apply(const ApplyRequest& request);
  // Removes what no generation needs, or only says what that would be; the handler gets what
  // docs/dbus.md says.
  void collect_garbage(bool dry_run, GarbageCollector::Handler handler);
  // Undoes this node's steps in reverse and says goodbye. Asked again, it goes on with what failed.
  // kConflict as may_change().
  Status leave(const RequestedLeave& request, const Guard& guard);
  // Runs a command of the profile. kInvalid: there is none of that name, or an input does not fit;
  // kConflict: it runs already, the node leaves, or as may_change(); kUnavailable: there is no
  // profile yet. The answer is the number of the request.
  Result<std::uint64_t> run_command(const RequestedCommand& request, const Guard& guard);
  // Returns to an earlier generation's config and profile, with today's secrets, as a new one; 0:
  // the last good one that is not in force. The answer is what docs/dbus.md says. Errors as
  // rollback_target(), make_plan() and may_change(); kUnavailable: there is no generation yet.
  Result<Json> roll_back(std::uint64_t number, const std::string& by, const Guard& guard,
                         bool dry_run);
  // Once the tasks that run have ended. kConflict as may_change(), or when the node leaves.
  Status reboot(const std::string& by, const Guard& guard, bool recovery);
  // Makes this server the first one of a new cluster, whatever the rules of forming say; on record.
  // kInvalid: `node` is another one, or this is no server; kConflict: it serves in a cluster,
  // leaves, or as may_change().
  Status init_cluster(const std::string& node, const std::string& by, const Guard& guard);
  // Leaves recovery mode and tries again what failed, also what was rolled back. Outside of that it
  // is no mistake. kConflict as may_change().
  Status recover(const std::string& by, const Guard& guard);
  // Tells the plan of the tree as it is now, once the checks of all steps that are done have
  // answered again and its profile is here; after 20 s without that.
  void ask_plan(std::function<void(Json)> answer);

  // With what everything cost, which changes without being announced.
  Json status() const;
  // The plan as far as it is known at once.
  Json plan(bool unanswered = false) const;
  Result<std::vector<Event>> history(std::uint64_t since_seq, std::size_t limit) const;

  // Called with the status, without what everything cost, when it says something else than before.
  void on_change(std::function<void(const Json&)> handler) { changed_ = std::move(handler); }

 private:
  Agent(EventLoop& loop, Bus& bus, Places places, StateOnDisk disk, std::string boot,
        std::string machine);

  // The profile that was unpacked, as this node's part of it, and the generation that it would
  // make.
  struct Upcoming {
    UnpackedProfile unpacked;
    Profile profile;
    std::uint64_t number;
  };

  Scene scene() const;
  void record_boot(const ConfigSources& sources);
  void stop_rebooting();
  void judge_boot();
  void show_on_machine(const Json& status);
  Status may_change(const Guard& guard) const;
  std::string damage() const;
  void reset_if_owed();
  void tidy_log();
  void restore_trial();
  void keep_trial();
  void restore_generation(const ConfigSources& sources);
  void read_config();
  void show_verdict(const Status& read);
  void renew_secrets(const ConfigSources& sources);
  void acquire_profile();
  void hold_ratchet(const std::string& source);
  const NodeConfig& running() const;
  void prepare_steps();
  void hold_steps();
  void refresh_plan();
  void consider_generation();
  void try_again_later();
  Status make_generation();
  void finish_apply();
  TreeMark present_tree() const;
  bool is_shut_out() const;
  Status may_apply_in_recovery();
  void climb();
  Result<Json> roll_back_to(std::uint64_t number, const RollbackReason& why, bool dry_run);
  void show_recovery();
  Status check_limit(const std::string& subject) const;
  std::optional<Error> not_to_collect() const;
  bool fetching() const;
  std::optional<Error> obstacle() const;
  Result<Upcoming> upcoming() const;
  bool is_apply_awaited() const;
  // Whether config or profile are others than those of the generation in force.
  bool owes_generation() const;
  Result<Plan> next_plan(Prospect& prospect, std::optional<Profile>& profile) const;
  void answer_plans(bool now);
  void take_news(PeerNews news);
  void consider_forming();
  bool tell_cluster();
  FormingNow forming_now() const;
  void show();
  void set_problem(const std::string& about, std::optional<Error> error);

  Bus& bus_;
  Places places_;
  EventLog log_;
  std::optional<Error> standstill_;
  std::string boot_, machine_, salt_;
  LoopTimers timers_, console_timers_, plan_timers_, tell_timers_, boot_timers_, retry_timers_,
      telemetry_timers_;
  SystemdUnits units_;
  FactStore facts_;
  StepFiles steps_;
  ProfileWorkers workers_;
  Shell shell_;
  GarbageCollector collector_;
  Telemetry telemetry_;
  Peering peering_;
  TreeWatch watch_;
  Hostname hostname_;
  RecoveryTarget target_;

  ConfigInForce in_force_;
  PresentGeneration present_;
  std::optional<ProfileOrigin> origin_;
  std::string downgrade_by_;  // who allows it to the profile that is assigned now; empty: nobody
  bool reset_begun_ = false;
  std::vector<std::function<void(Json)>> plans_asked_;
  bool reload_asked_ = false;                                  // not by a change of the tree alone
  std::map<std::string, std::vector<std::string>> addresses_;  // of members
  std::vector<FormingPeer> forming_peers_;
  std::optional<FormingDecision> forming_;
  std::optional<ClusterMembership> cluster_told_;  // to steps and plans
  std::vector<Condition> conditions_;
  std::map<std::string, Error> problems_;  // by topic
  DownloadNews download_news_;
  BootJudge boot_judge_;
  bool log_format_settled_ = false;  // of this boot
  // The disk, or a unit of the machine, refused a generation; and when it is tried again.
  bool make_refused_ = false;
  std::uint64_t retry_pause_usec_ = 0, retry_at_usec_ = 0;
  TrialTime kept_trial_;  // as it is in /run
  Console console_;
  KeptFile motd_, metrics_;
  std::uint64_t told_mono_usec_ = 0;  // when
  std::string shown_;                 // the status that was announced last
  std::function<void(const Json&)> changed_;
};

}  // namespace klubster
