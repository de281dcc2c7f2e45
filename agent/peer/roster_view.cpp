// The roster as `klubster peers` shows it.
#include <algorithm>

#include "base/text.h"
#include "peer/roster.h"

namespace klubster {

namespace {

constexpr std::uint64_t kSecond = 1'000'000;
// A refused caller is shown this long after it was last met.
constexpr std::uint64_t kRefusalShownUsec = 3600 * kSecond;
// Each node exchanges with one random other every 30 s: a silent live one is met well within this
// many rounds per peer.
constexpr std::uint64_t kSilencePerPeerUsec = 90 * kSecond;
constexpr std::uint64_t kLeastSilenceUsec = 180 * kSecond;

std::uint64_t age_seconds(std::uint64_t then_usec, std::uint64_t now_usec) {
  return (now_usec - std::min(then_usec, now_usec)) / kSecond;
}

Json problem_json(const Problem& problem) {
  Json json = Json::object();
  json["reason"] = problem.reason;
  json["message"] = printable(problem.message, 512);
  return json;
}

std::string_view seen(const Peer& peer, std::size_t peers, std::uint64_t now_usec) {
  if (peer.has_left()) return "left";
  if (peer.heard_usec == 0) return "never";
  const std::uint64_t silence = std::max(kLeastSilenceUsec, peers * kSilencePerPeerUsec);
  return peer.is_silent() || now_usec - peer.heard_usec > silence ? "stale" : "live";
}

}  // namespace

bool Roster::is_shown(const Problem& standing, std::uint64_t since_usec,
                      std::uint64_t now_usec) const {
  if (!standing) return false;
  return standing.reason != "PeerConflict" || now_usec - since_usec < conflict_shown_usec_;
}

Problem Roster::own_conflict(std::uint64_t now_usec) const {
  if (is_shown(own_standing_, own_standing_usec_, now_usec)) return own_standing_;
  for (const auto& [name, peer] : peers_) {
    // A call that ended so because this node does not believe the peer says nothing against this
    // one.
    const bool doubted = peer.standing.reason == "PeerConflict";
    if (peer.contact.reason == "PeerConflict" && !doubted && !peer.has_left()) return peer.contact;
  }
  return {};
}

Json Roster::peer_json(const Peer& peer, std::uint64_t now_usec) const {
  Json json = Json::object();
  json["name"] = peer.member.name;
  json["member"] = peer.is_member;
  json["modes"] = Json(peer.member.modes);
  json["seen"] = seen(peer, peers_.size(), now_usec);
  json["ageSeconds"] = peer.heard_usec == 0 ? 0 : age_seconds(peer.heard_usec, now_usec);
  json["address"] = peer.member.address.empty() ? peer.heard_from : peer.member.address;
  if (peer.record != nullptr) {
    json["record"] = klubster::to_json(*peer.record);
    json["hearsay"] = peer.direct == nullptr || peer.direct->version < peer.record->version;
  }
  if (is_shown(peer.standing, peer.standing_usec, now_usec)) {
    json["problem"] = problem_json(peer.standing);
  } else if (peer.contact && !peer.has_left()) {
    json["problem"] = problem_json(peer.contact);
  }
  return json;
}

Json Roster::to_json(std::uint64_t now_usec) const {
  Json json = Json::object();
  json["self"] = self_;
  std::map<std::string, Json> rows;
  for (const auto& [name, peer] : peers_)
    rows[name] = peer_json(peer, now_usec);
  if (own_ != nullptr) {
    Json& row = rows[self_];
    row["name"] = self_;
    row["member"] = true;
    row["modes"] = Json(own_->modes);
    row["seen"] = "live";
    row["ageSeconds"] = 0;
    row["address"] = !own_address_.empty()     ? own_address_
                     : own_->addresses.empty() ? std::string()
                                               : own_->addresses.front();
    row["record"] = klubster::to_json(*own_);
    row["hearsay"] = false;
    if (is_shown(own_standing_, own_standing_usec_, now_usec)) {
      row["problem"] = problem_json(own_standing_);
    }
  }
  json["peers"] = Json::array();
  for (auto& [name, row] : rows)
    json["peers"].push_back(std::move(row));

  json["refused"] = Json::array();
  for (const Refusal& refusal : refusals_) {
    if (now_usec - refusal.last_usec > kRefusalShownUsec) continue;
    Json item = problem_json(refusal.problem);
    item["address"] = refusal.address;
    item["count"] = refusal.count;
    item["ageSeconds"] = age_seconds(refusal.last_usec, now_usec);
    json["refused"].push_back(std::move(item));
  }
  return json;
}

}  // namespace klubster
