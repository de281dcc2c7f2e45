// The rules of forming a cluster.
#include "engine/forming.h"

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kIdDigits = 16;

// Steps of the server phase that began, in a log from before clusters had ids: the cluster is
// there.
bool has_served(const NodeState& state) {
  if (state.has_left) return false;
  return std::any_of(state.subjects.begin(), state.subjects.end(), [](const auto& entry) {
    const auto& [name, subject] = entry;
    return name.starts_with("server/") && (subject.starts > 0 || !subject.done_fingerprint.empty());
  });
}

// Looks at the same facts from every side; one use, one decision.
class Forming {
 public:
  Forming(const FormingConfig& config, const NodeState& state,
          const std::vector<FormingPeer>& peers, const FormingNow& now)
      : config_(config), state_(state), peers_(peers), now_(now) {}

  FormingDecision decide() {
    if (config_.is_server) decision_.say.servers = config_.list;
    if (state_.cluster) {
      belong();
    } else if (now_.idle) {
      // It says that it knows of none, and neither asks nor promises.
    } else {
      seek();
    }
    return std::move(decision_);
  }

 private:
  const FormingPeer* find(const std::string& name) const {
    const auto found = std::find_if(peers_.begin(), peers_.end(),
                                    [&](const FormingPeer& peer) { return peer.name == name; });
    return found == peers_.end() ? nullptr : &*found;
  }

  void wait_for(std::string what) { decision_.held = std::move(what); }
  void tell(std::string reason, std::string message) {
    decision_.reason = std::move(reason);
    decision_.message = std::move(message);
    decision_.held = decision_.message;
  }

  // --- a node with a cluster

  void belong() {
    const ClusterMembership& cluster = *state_.cluster;
    decision_.say.id = cluster.id;
    if (!config_.cluster_id.empty() && config_.cluster_id != cluster.id) {
      tell("ClusterDiffers", "this node belongs to cluster " + cluster.id + ", and cluster/id is " +
                                 config_.cluster_id);
      if (cluster.settled) decision_.held.clear();  // what serves goes on
      return;
    }
    if (!config_.is_server) return;
    if (now_.server_ready && !cluster.settled) {
      decision_.events.push_back(cluster_settled(cluster.id));
    }
    if (cluster.settled) {
      if (now_.server_ready) decision_.say.admits = admitted();
      return;
    }
    if (!cluster.initiated && !now_.idle) take_turn();
  }

  bool is_ready_here(const FormingPeer& peer) const {
    return peer.answered && !peer.silent && peer.server_ready && peer.said.id == state_.cluster->id;
  }

  bool wants_turn(const FormingPeer& peer) const {
    return peer.answered && !peer.silent && peer.said.id == state_.cluster->id &&
           !peer.said.turn.empty();
  }

  // Of the servers that are ready the first by name says who joins next.
  std::string admitted() const {
    const FormingPeer* next = nullptr;
    for (const auto& peer : peers_) {
      if (peer.name < config_.node && is_ready_here(peer)) return "";
      if (!wants_turn(peer)) continue;
      if (peer.name == now_.admits) return peer.name;  // until it has joined, or fell silent
      const auto rank = [](const FormingPeer& one) { return one.said.turn == kTurnJoins ? 0 : 1; };
      if (next == nullptr ||
          std::pair(rank(peer), peer.name) < std::pair(rank(*next), next->name)) {
        next = &peer;
      }
    }
    return next == nullptr ? "" : next->name;
  }

  void take_turn() {
    if (!now_.server_failed) decision_.say.turn = now_.server_begun ? kTurnJoins : kTurnWaits;
    const FormingPeer* ready = nullptr;
    for (const auto& peer : peers_) {
      if (!is_ready_here(peer)) continue;
      if (peer.said.admits == config_.node) return;
      if (ready == nullptr || !peer.said.admits.empty()) ready = &peer;
    }
    const std::string cluster = "cluster " + state_.cluster->id;
    if (ready == nullptr) {
      std::vector<std::string> servers = config_.servers;
      std::erase(servers, config_.node);
      return wait_for(
          "a ready server of " + cluster + " to join" +
          (servers.empty() ? ", but members/ lists no other server" : ": " + join(servers, ", ")));
    }
    wait_for(ready->said.admits.empty() ? ready->name + " to let it join " + cluster
                                        : ready->said.admits + " to have joined " + cluster);
  }

  // --- a node without one

  void seek() {
    if (!config_.cluster_id.empty()) return adopt_configured();
    if (has_served(state_) && config_.is_server) return adopt_own();
    if (heed_others()) return;
    if (!config_.is_server) return;
    if (now_.damaged) {
      return tell("LogDamaged",
                  "what this server knew of a cluster may be lost with a part of its event log, so "
                  "it joins one that it hears of and forms none");
    }
    if (config_.first_server == config_.node && !state_.promised) return stand();
    support();
  }

  // The tree says which cluster this is: it exists.
  void adopt_configured() {
    if (config_.is_server && has_served(state_)) {
      decision_.events.push_back(
          cluster_initiated({config_.cluster_id, config_.list, {}, "", true}));
    } else {
      decision_.events.push_back(cluster_joined(config_.cluster_id, "cluster/id"));
    }
  }

  void adopt_own() {
    decision_.events.push_back(
        cluster_initiated({now_.random.substr(0, kIdDigits), config_.list, {}, "", true}));
  }

  // Whether a member knows of a cluster: then there is one, and this node joins it.
  bool heed_others() {
    std::map<std::string, std::vector<std::string>> told;  // id -> by whom
    const FormingPeer* believed = nullptr;
    for (const auto& peer : peers_) {
      if (!peer.is_member || peer.cluster_id.empty()) continue;
      told[peer.cluster_id].push_back(peer.name);
      if (peer.own_word && believed == nullptr) believed = &peer;
    }
    if (told.empty()) return false;
    if (told.size() > 1) {
      std::vector<std::string> texts;
      for (const auto& [id, names] : told)
        texts.push_back(join(names, ", ") + " of cluster " + id);
      tell("ClusterDiffers", "members belong to more than one cluster: " + join(texts, "; "));
      return true;
    }
    const std::string& id = told.begin()->first;
    if (believed != nullptr) {
      decision_.events.push_back(cluster_joined(id, believed->name));
    } else {
      wait_for("a word of " + join(told.begin()->second, ", ") + " itself about cluster " + id);
    }
    return true;
  }

  // This server is to form the cluster, when the others let it.
  void stand() {
    if (!state_.sought || state_.sought->servers != config_.list) {
      decision_.events.push_back(cluster_sought({now_.random, config_.list}));
      return;
    }
    decision_.say.seeks = state_.sought->seeks;
    std::vector<std::string> promised, missing, unasked;
    for (const auto& name : config_.others) {
      const FormingPeer* peer = find(name);
      const bool server = contains(config_.servers, name);
      if (server && peer != nullptr && peer->answered && is_promise(peer->said.promise)) {
        promised.push_back(name);
      } else if (server) {
        missing.push_back(name + why_missing(peer));
      }
      const bool asked = peer != nullptr && (peer->answered || peer->unreachable);
      if (!asked) unasked.push_back(name);
    }
    const std::size_t servers = promised.size() + missing.size();
    const std::size_t needed = config_.majority && servers > 0 ? servers / 2 + 1 : servers;
    if (promised.size() < needed) {
      return wait_for("the promise of " + join(missing, ", ") +
                      " that this server may form the cluster");
    }
    if (!unasked.empty()) {
      return wait_for("a word of " + join(unasked, ", ") + " whether there is a cluster already");
    }
    decision_.events.push_back(
        cluster_initiated({now_.random.substr(0, kIdDigits), config_.list, promised, "", false}));
  }

  bool is_promise(const RecordPromise& promise) const {
    return promise.to == config_.node && promise.seeks == state_.sought->seeks &&
           promise.servers == config_.list;
  }

  std::string why_missing(const FormingPeer* peer) const {
    if (peer == nullptr || !peer->answered) return "";
    const RecordForming& said = peer->said;
    if (said.servers != config_.list) return " (which has another list of servers)";
    if (!said.promise.to.empty() && said.promise.to != config_.node) {
      return " (which gave it to " + said.promise.to + ")";
    }
    return "";
  }

  // Another server is to form it: this one promises that it does not.
  void support() {
    const auto& promised = state_.promised;
    if (promised) {
      decision_.say.promise = {promised->to, promised->seeks, promised->servers};
    }
    const std::string& first = config_.first_server;
    if (promised && promised->to != first) {
      return wait_for(promised->to + " to form the cluster, as this server promised it" +
                      " before cluster/first-server became " + first);
    }
    wait_for(first + " to form the cluster");
    const FormingPeer* asks = find(first);
    if (asks == nullptr || !asks->answered) return;
    if (promised && promised->machine != asks->machine) {
      return tell("PromiseBinds", "this server promised " + first +
                                      " to let it form the cluster, and another machine asks "
                                      "under that name now");
    }
    if (asks->said.servers != config_.list) {
      return wait_for(first + " to form the cluster; it has another list of servers");
    }
    const bool is_listed = contains(config_.servers, config_.node);
    if (asks->said.seeks.empty() || !is_listed) return;
    const PromisedCluster promise{first, asks->machine, asks->said.seeks, asks->said.servers};
    if (promised == promise) return;
    decision_.events.push_back(cluster_promised(promise));
  }

  const FormingConfig& config_;
  const NodeState& state_;
  const std::vector<FormingPeer>& peers_;
  const FormingNow& now_;
  FormingDecision decision_;
};

}  // namespace

FormingConfig forming_config(const NodeConfig& config) {
  FormingConfig forming;
  forming.node = config.node;
  forming.cluster_id = config.cluster_id;
  forming.first_server = config.first_server;
  forming.majority = config.init_majority;
  forming.is_server = contains(config.modes, "server");
  for (const auto& member : config.members) {
    if (member.has_mode("server")) forming.servers.push_back(member.name);
    if (member.name != config.node) forming.others.push_back(member.name);
  }
  // A server that nobody calls a member is a cluster by itself.
  if (config.members.empty() && forming.is_server) forming.servers.push_back(config.node);
  Json list = Json::object();
  list["cluster"] = config.cluster_name;
  list["first"] = forming.first_server;
  list["majority"] = forming.majority;
  list["servers"] = Json(forming.servers);
  forming.list = sha256_hex("klubster servers 1\n" + list.dump());
  return forming;
}

FormingDecision decide_forming(const FormingConfig& config, const NodeState& state,
                               const std::vector<FormingPeer>& peers, const FormingNow& now) {
  return Forming(config, state, peers, now).decide();
}

Result<Event> force_cluster(const FormingConfig& config, const NodeState& state,
                            const std::string& random, const std::string& by) {
  if (!config.is_server) {
    return Error(ErrorKind::kInvalid, "NotServer",
                 config.node + " is no server: its modes do not name `server`");
  }
  if (state.cluster && state.cluster->settled) {
    return Error(ErrorKind::kConflict, "ClusterExists",
                 config.node + " belongs to cluster " + state.cluster->id);
  }
  const std::string id =
      config.cluster_id.empty() ? random.substr(0, kIdDigits) : config.cluster_id;
  return cluster_initiated({id, config.list, {}, by, false});
}

std::string cluster_role(const std::optional<ClusterMembership>& cluster) {
  if (!cluster) return "";
  return cluster->initiated ? "init" : "join";
}

}  // namespace klubster
