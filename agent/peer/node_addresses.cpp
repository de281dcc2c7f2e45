// Where a peer is called: what the config tree says, else what it said itself, and what somebody on
// the network announced. The latter is only a hint.
#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "peer/node.h"

namespace klubster {

namespace {

// Anybody may announce anything: few hints of each member, and few places that were no good.
constexpr std::size_t kMaxHints = 8, kMaxDistrusted = 256;
constexpr std::uint64_t kDistrustedUsec = 600'000'000;

bool same_place(const HostPort& a, const HostPort& b) {
  return a.host == b.host && a.port == b.port;
}

}  // namespace

std::optional<HostPort> PeerNode::address_of(const std::string& name, std::size_t misses) const {
  const Peer* peer = roster_.find(name);
  if (peer == nullptr) return std::nullopt;
  if (!peer->member.address.empty()) {
    if (auto address = parse_host_port(peer->member.address)) return *address;
  }
  std::vector<HostPort> places;
  if (const auto found = hints_.find(name); found != hints_.end()) places = found->second;
  if (peer->record != nullptr) {
    const auto port = static_cast<std::uint16_t>(*parse_number(kPeeringPort, 65535));
    for (const std::string& host : peer->record->addresses)
      places.push_back({host, port});
  }
  if (places.empty()) return std::nullopt;
  return places[misses % places.size()];
}

bool PeerNode::is_distrusted(const std::string& name, const HostPort& address) {
  const std::uint64_t now = now_boottime_usec();
  std::erase_if(distrusted_, [&](const auto& entry) { return entry.second < now; });
  return distrusted_.count({name, to_text(address)}) != 0;
}

void PeerNode::hint(const std::string& name, const HostPort& address) {
  const Peer* peer = roster_.find(name);
  if (peer == nullptr || !peer->is_member || is_distrusted(name, address)) return;
  std::vector<HostPort>& places = hints_[name];
  const auto same = [&](const HostPort& place) { return same_place(place, address); };
  if (std::any_of(places.begin(), places.end(), same)) return;
  if (places.size() >= kMaxHints) places.erase(places.begin());
  places.push_back(address);
  exchange_->retry(name);
}

void PeerNode::forget_hint(const std::string& name, const HostPort& address) {
  const auto found = hints_.find(name);
  if (found == hints_.end()) return;
  std::erase_if(found->second, [&](const HostPort& place) { return same_place(place, address); });
}

void PeerNode::note_failure(const std::string& name, const HostPort* address, Problem problem) {
  const std::uint64_t now = now_boottime_usec();
  const auto found = hints_.find(name);
  const bool was_hint =
      address != nullptr && found != hints_.end() &&
      std::any_of(found->second.begin(), found->second.end(),
                  [&](const HostPort& place) { return same_place(place, *address); });
  const bool is_impostor =
      was_hint && (problem.reason == "PeerTokenDiffers" || problem.reason == "PeerCertificate");
  if (is_impostor) {
    // It got nothing: who answers proves itself before anything is said.
    forget_hint(name, *address);
    if (distrusted_.size() < kMaxDistrusted) {
      distrusted_[{name, to_text(*address)}] = now + kDistrustedUsec;
    }
    const std::string message = "announced itself by mDNS as " + name + " at " + to_text(*address) +
                                ", and is not: " + problem.message;
    if (roster_.refuse(address->host, {"AnnouncementWrong", message}, now)) {
      log_warning(address->host + " " + message, {{"KLUBSTER_REASON", "AnnouncementWrong"}});
    }
    problem = {"PeerUnreachable", "where " + name + " was announced somebody else answers"};
  }
  if (roster_.contact_failed(name, std::move(problem), now) || is_impostor) refresh_soon();
}

}  // namespace klubster
