// What the daemon has to know of the other nodes to decide on the forming of its cluster.
#include "model/condition.h"
#include "peer/node.h"

namespace klubster {

namespace {

bool is_ready_server(const NodeRecord& record) {
  const Condition* ready = find_condition(record.body.conditions, "Ready", "server");
  return ready != nullptr && ready->status == ConditionStatus::kTrue;
}

Json forming_of(const std::string& name, const Peer& peer) {
  // Its daemon has spoken: until then klubster-peerd alone answers there, which knows of nothing.
  const NodeRecord* said = peer.said();
  const bool answered = said != nullptr && said->body.forming.has_value();
  const bool is_hearsay = peer.record != nullptr && !peer.is_kept;
  const std::string hearsay = is_hearsay ? peer.record->cluster_id : std::string();
  const std::string& own =
      said != nullptr && !said->cluster_id.empty() ? said->cluster_id : peer.told_cluster;
  Json json = Json::object();
  json["name"] = name;
  json["member"] = peer.is_member;
  json["answered"] = answered;
  json["unreachable"] = peer.failures >= kUnreachableFailures || peer.has_left();
  json["silent"] = peer.is_silent();
  json["machine"] = answered ? said->machine : "";
  json["clusterId"] = own.empty() ? hearsay : own;
  json["ownWord"] = !own.empty();
  json["serverReady"] = answered && is_ready_server(*said);
  json["said"] = to_json(answered ? *said->body.forming : RecordForming{});
  return json;
}

}  // namespace

Json PeerNode::forming_json() const {
  Json list = Json::array();
  for (const auto& [name, peer] : roster_.peers())
    list.push_back(forming_of(name, peer));
  return list;
}

}  // namespace klubster
