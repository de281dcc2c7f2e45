// GET /metrics (docs/metrics.md).
#include <map>

#include "base/metrics_page.h"
#include "peer/node.h"

namespace klubster {

namespace {

void add_ready(MetricsPage& page, const Json::Array& peers) {
  page.gauge("peer_ready", "Whether the node said last that this phase of it is ready.");
  for (const Json& peer : peers) {
    for (const Json& condition : peer.get("record").items("conditions")) {
      if (condition.text_or("type") != "Ready") continue;
      page.sample(condition.text_or("status") == "True" ? 1 : 0,
                  {{"peer", peer.text_or("name")}, {"phase", condition.text_or("phase")}});
    }
  }
}

void add_peers(MetricsPage& page, const Json::Array& peers) {
  std::map<std::string, std::int64_t> seen = {{"live", 0}, {"stale", 0}, {"never", 0}, {"left", 0}};
  for (const Json& peer : peers)
    seen[peer.text_or("seen")]++;
  page.gauge("peers", "Nodes that are known, this one among them.");
  for (const auto& [word, count] : seen)
    page.sample(count, {{"seen", word}});
  page.gauge("peer_age_seconds", "How long ago the node was heard.");
  for (const Json& peer : peers) {
    if (peer.text_or("seen") == "never") continue;
    page.sample(peer.integer_or("ageSeconds"), {{"peer", peer.text_or("name")}});
  }
  page.gauge("peer_generation", "The node's generation, as it said last.");
  for (const Json& peer : peers) {
    if (peer.get("record").is_null()) continue;
    page.sample(peer.get("record").integer_or("generation"), {{"peer", peer.text_or("name")}});
  }
  add_ready(page, peers);
  page.gauge("peer_problem", "What is wrong with the node; 1 while it is.");
  for (const Json& peer : peers) {
    const std::string reason = peer.get("problem").text_or("reason");
    if (!reason.empty()) page.sample(1, {{"peer", peer.text_or("name")}, {"reason", reason}});
  }
}

}  // namespace

std::string PeerNode::metrics_text() const {
  const Json shown = roster_.to_json(now_boottime_usec());
  MetricsPage page;
  add_peers(page, shown.items("peers"));
  page.gauge("peer_refused_callers", "Callers that were turned away within the last hour.");
  std::map<std::string, std::int64_t> refused;
  for (const Json& refusal : shown.items("refused"))
    refused[refusal.text_or("reason")] += refusal.integer_or("count");
  for (const auto& [reason, count] : refused)
    page.sample(count, {{"reason", reason}});
  page.counter("peer_calls_total", "Calls to peers that were begun.");
  page.sample(static_cast<std::int64_t>(exchange_->calls()));
  page.counter("peer_failed_calls_total", "Calls to peers that failed.");
  page.sample(static_cast<std::int64_t>(exchange_->failed_calls()));
  page.counter("peer_requests_total", "Requests of peers that were answered.");
  page.sample(static_cast<std::int64_t>(requests_));
  page.counter("peer_connections_total", "Connections for them, each with a handshake.");
  page.sample(static_cast<std::int64_t>(server_->connections()));
  return page.text();
}

}  // namespace klubster
