// Who begins a cluster, and who joins it (peers.md, "Forming a cluster"). Pure: no clock, no
// chance, no network. Two clusters never; rather none for a while.
//
// A server initialises only when
//   1. it is cluster/first-server, and cluster/id is not set;
//   2. its own log holds no sign of a cluster;
//   3. all other listed servers (or the stated majority of them) have promised against the same
//      list that they know of no cluster, which each of them made durable before it said so;
//   4. no member that can be reached knows of a cluster.
// Everybody else joins, one server at a time. The decision is an event: it is durable before
// anything begins.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "model/node_config.h"
#include "model/node_state.h"
#include "model/record_forming.h"

namespace klubster {

// What the config tree says.
struct FormingConfig {
  std::string node;
  std::string cluster_id;
  std::string first_server;
  bool majority = false;             // cluster/init-quorum
  bool is_server = false;            // this node
  std::vector<std::string> servers;  // by name
  std::vector<std::string> others;   // members beside this node
  std::string list;                  // digest of who the servers are and which is the first
};
FormingConfig forming_config(const NodeConfig& config);

// What is known of another node.
struct FormingPeer {
  std::string name;
  bool is_member = false;
  bool answered = false;      // its daemon has spoken to this node since klubster-peerd's start
  bool unreachable = false;   // called again and again since then, in vain; or it said goodbye
  bool silent = false;        // the last call of it failed
  std::string machine;        // once it has answered
  std::string cluster_id;     // that it belongs to, by its own word or another's
  bool own_word = false;      // it was its own
  bool server_ready = false;  // its server phase, by its own word
  RecordForming said;         // once it has answered

  bool operator==(const FormingPeer&) const = default;
};

// What is known of this node beside its log and config.
struct FormingNow {
  std::string random;          // 32 hex digits that were never used before
  bool damaged = false;        // the log: what it knew of a cluster may be lost
  bool idle = false;           // it leaves, has left or is in recovery mode: it begins nothing
  bool server_ready = false;   // its server phase
  bool server_begun = false;   // of a step of it something runs or is done
  bool server_failed = false;  // of a step of it nothing comes any more by itself
  std::string admits;          // whom it let join when it was asked last
};

struct FormingDecision {
  // To be durable; then the decision is asked for again.
  std::vector<Event> events;
  // What steps of the server phase that were never done wait for; empty: they may begin.
  std::string held;
  std::string reason, message;  // what a person has to look at; empty: nothing
  RecordForming say;            // to the peers, once the events are durable

  bool operator==(const FormingDecision& other) const {
    return held == other.held && reason == other.reason && message == other.message &&
           say == other.say;
  }
};

FormingDecision decide_forming(const FormingConfig& config, const NodeState& state,
                               const std::vector<FormingPeer>& peers, const FormingNow& now);

// `klubster cluster init --force`: what overrides the rules. kInvalid NotServer; kConflict
// ClusterExists: the node has a cluster, and served in it.
Result<Event> force_cluster(const FormingConfig& config, const NodeState& state,
                            const std::string& random, const std::string& by);

// "init" or "join" for the steps of the server phase; empty while that is open.
std::string cluster_role(const std::optional<ClusterMembership>& cluster);

}  // namespace klubster
