// The agent's part in forming its cluster: what was decided becomes durable, then it holds.
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/agent.h"

namespace klubster {

namespace {

constexpr const char* kPhase = "server";
constexpr std::size_t kRandomBytes = 16;

void log_forming(const Event& event) {
  const Json& data = event.data;
  if (event.type == "ClusterInitiated") {
    const std::string by = data.text_or("by");
    log_warning("this server forms cluster " + data.text_or("id") +
                (by.empty() ? "" : ", since " + by + " overrides the rules"));
  } else if (event.type == "ClusterJoined") {
    log_info("this node belongs to cluster " + data.text_or("id") + ", as " + data.text_or("from") +
             " says");
  } else if (event.type == "ClusterPromised") {
    log_info("promised " + data.text_or("to") + " that this server forms no cluster");
  }
}

}  // namespace

FormingNow Agent::forming_now() const {
  const NodeState& state = shell_.state();
  FormingNow now;
  now.random = to_hex(random_bytes(kRandomBytes));
  now.damaged = !log_.damage().empty();
  now.idle = state.leaving || state.gone || state.recovery.has_value();
  now.admits = forming_ ? forming_->say.admits : "";
  bool any = false, settled = true;
  for (const auto& view : shell_.decision().views) {
    if (!view.subject.starts_with("server/")) continue;
    any = true;
    settled = settled && view.settled();
    now.server_failed = now.server_failed || view.failed();
  }
  now.server_ready = any && settled;
  for (auto next = state.subjects.lower_bound("server/"); next != state.subjects.end(); ++next) {
    const auto& [name, subject] = *next;
    if (!name.starts_with("server/")) break;
    if (subject.run || !subject.done_fingerprint.empty()) now.server_begun = true;
  }
  return now;
}

// What steps and plans know of the cluster; whether that is new.
bool Agent::tell_cluster() {
  const auto& cluster = shell_.state().cluster;
  if (cluster == cluster_told_) return false;
  cluster_told_ = cluster;
  steps_.set_cluster(cluster);
  present_.set_begins_cluster(cluster && cluster->initiated);
  return true;
}

// Asked after every change, and again after its own events.
void Agent::consider_forming() {
  if (!in_force_.known() && !present_.known()) return;
  const NodeState& state = shell_.state();
  const FormingConfig config =
      forming_config(in_force_.known() ? in_force_.config() : present_.config());
  const std::string held = forming_ ? forming_->held : "";
  for (;;) {
    FormingDecision decision = decide_forming(config, state, forming_peers_, forming_now());
    std::vector<Event> events = std::move(decision.events);
    decision.events.clear();
    // Where nothing can be made durable, what was before is still said.
    if (standstill_ && !events.empty() && !state.cluster) return;
    if (standstill_ || events.empty()) {
      forming_ = std::move(decision);
      break;
    }
    for (const auto& event : events)
      log_forming(event);
    shell_.record(std::move(events));
  }
  const auto& problem = forming_->reason;
  set_problem("cluster", problem.empty() ? std::optional<Error>()
                                         : Error(ErrorKind::kConflict, problem, forming_->message));
  shell_.set_phase_held(kPhase, forming_->held);
  const bool news = tell_cluster();
  if (news) refresh_plan();
  if (news || held != forming_->held) shell_.settle();
}

Status Agent::init_cluster(const std::string& node, const std::string& by, const Guard& guard) {
  const NodeState& state = shell_.state();
  if (auto free = may_change(guard); !free) return free;
  if (!in_force_.known()) {
    return Error(ErrorKind::kUnavailable, "NotConfigured", "this node has no config yet");
  }
  const FormingConfig config = forming_config(in_force_.config());
  if (node != config.node) {
    return Error(ErrorKind::kInvalid, "BadValue",
                 "expected " + config.node + ", the name of this node, found " +
                     printable(node, 64) + ": the command runs on the server that it is about");
  }
  if (state.leaving || state.gone) return refused_by_leave(state);
  auto forced = force_cluster(config, state, to_hex(random_bytes(kRandomBytes)), by);
  if (!forced) return forced.error();
  log_forming(*forced);
  shell_.record(std::move(*forced));
  consider_forming();
  return {};
}

}  // namespace klubster
