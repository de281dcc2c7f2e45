// Whom to believe what: keys, machines, versions.
#include "peer/roster.h"

#include <algorithm>

#include "base/digest.h"
#include "base/log.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxRefusals = 64;
// Who is not in the config tree is remembered too, up to this many: names cost nothing to make up
// for one who holds the token.
constexpr std::size_t kMaxPeers = 1024;

Error untrusted(const char* reason, std::string message) {
  return Error(ErrorKind::kUntrusted, reason, std::move(message));
}

Error conflict(std::string message) {
  return Error(ErrorKind::kConflict, "PeerConflict", std::move(message));
}

std::string short_key(std::string_view key) {
  return to_base64(key).substr(0, 8) + "…";
}

}  // namespace

const NodeRecord* Peer::said() const {
  if (direct == nullptr) return nullptr;
  if (record != nullptr && record->version.incarnation > direct->version.incarnation) {
    return nullptr;
  }
  return direct.get();
}

Roster::Roster(const PeerConfig& config, Pins pins)
    : self_(config.node),
      cluster_name_(config.cluster_name),
      cluster_id_(config.cluster_id),
      pins_(std::move(pins)) {
  for (const Member& member : config.members) {
    if (member.name == self_) {
      own_address_ = member.address;
      continue;
    }
    Peer& peer = peers_[member.name];
    peer.member = member;
    peer.is_member = true;
  }
}

const Peer* Roster::find(std::string_view name) const {
  const auto found = peers_.find(name);
  return found == peers_.end() ? nullptr : &found->second;
}

void Roster::set_own(NodeRecord record) {
  own_ = std::make_shared<const NodeRecord>(std::move(record));
}

Status Roster::check_cluster(const NodeRecord& record) const {
  if (record.cluster_name != cluster_name_) {
    return Error(ErrorKind::kConflict, "ClusterDiffers",
                 record.node + " is of cluster `" + record.cluster_name + "`, this node of `" +
                     cluster_name_ + "`");
  }
  if (!record.cluster_id.empty() && !cluster_id_.empty() && record.cluster_id != cluster_id_) {
    return Error(
        ErrorKind::kConflict, "ClusterDiffers",
        record.node + " has cluster id " + record.cluster_id + ", this node " + cluster_id_);
  }
  return {};
}

void Roster::pin(const std::string& name, const NodeRecord& record) {
  const Status kept = pins_.set(name, {record.public_key, record.machine});
  if (!kept) log_error(kept.error());
}

Status Roster::check_key(const Caller& caller) const {
  const Peer* peer = find(caller.name);
  const bool configured = peer != nullptr && !peer->member.key.empty();
  if (configured && peer->member.key != caller.public_key) {
    return untrusted("PeerKeyDiffers", caller.name + " has key " + short_key(caller.public_key) +
                                           ", but members/" + caller.name + "/key is " +
                                           short_key(peer->member.key));
  }
  const Pin* pinned = pins_.find(caller.name);
  if (!configured && pinned != nullptr && pinned->key != caller.public_key) {
    return untrusted("PeerKeyDiffers", caller.name + " has key " + short_key(caller.public_key) +
                                           ", but was seen with " + short_key(pinned->key) +
                                           " before");
  }
  return {};
}

// Decides whether this key may speak for the node, pins it, and drops what another key said.
Status Roster::admit_key(Peer& peer, const Caller& caller, const NodeRecord& record,
                         std::uint64_t now_usec) {
  const Pin* pinned = pins_.find(caller.name);
  if (!peer.member.key.empty()) {
    if (Status status = check_key(caller); !status) return status;
  }
  if (pinned != nullptr && pinned->machine != record.machine && peer.member.key.empty()) {
    const std::string message = caller.name + " is another machine (" + caller.address +
                                ") than the one first seen under this name";
    peer.standing = {"PeerConflict", message};
    peer.standing_usec = now_usec;
    return conflict(message);
  }
  if (pinned == nullptr || !(*pinned == Pin{record.public_key, record.machine})) {
    if (pinned != nullptr && pinned->key != record.public_key) {
      peer.standing = {"PeerKeyChanged", caller.name + " has a new key " +
                                             short_key(record.public_key) + ", same machine"};
      peer.standing_usec = now_usec;
      log_warning(peer.standing.message, {{"KLUBSTER_REASON", peer.standing.reason}});
    }
    pin(caller.name, record);
  }
  const auto is_other = [&](const std::shared_ptr<const NodeRecord>& known) {
    return known != nullptr &&
           (known->public_key != record.public_key || known->machine != record.machine);
  };
  if (is_other(peer.record)) peer.record.reset();
  if (is_other(peer.direct)) peer.direct.reset();
  return {};
}

Result<Taken> Roster::accept_direct(const Caller& caller, NodeRecord record,
                                    std::uint64_t now_usec) {
  if (record.node != caller.name) {
    return untrusted("PeerCertificate",
                     caller.name + " gave a record of " + record.node + " as its own");
  }
  if (record.public_key != caller.public_key) {
    return untrusted("PeerCertificate",
                     caller.name + " signed its record with another key than its certificate's");
  }
  if (!verify_record(record)) {
    return untrusted("RecordForged", "the signature of " + caller.name + "'s record is wrong");
  }
  if (Status status = check_cluster(record); !status) return std::move(status).error();
  if (caller.name == self_) {
    const std::string message =
        "another machine (" + caller.address + ") calls itself " + self_ + " too";
    note_conflict(self_, message, now_usec);
    return conflict(message);
  }
  if (find(caller.name) == nullptr && peers_.size() >= kMaxPeers) {
    return Error(ErrorKind::kUnavailable, "TooLarge", "too many nodes outside members/ are known");
  }
  Peer& peer = peers_[caller.name];
  peer.member.name = caller.name;
  if (Status status = admit_key(peer, caller, record, now_usec); !status) {
    return std::move(status).error();
  }
  heard(caller, now_usec);

  const MergeVerdict verdict =
      peer.record == nullptr ? MergeVerdict::kNewer : compare_records(*peer.record, record);
  if (verdict == MergeVerdict::kConflict) {
    const std::string message = caller.name + " gave two contents for version " +
                                std::to_string(record.version.incarnation) + "." +
                                std::to_string(record.version.seq);
    peer.standing = {"PeerConflict", message};
    peer.standing_usec = now_usec;
    return conflict(message);
  }
  auto shared = std::make_shared<const NodeRecord>(std::move(record));
  const bool news = peer.direct == nullptr || peer.direct->version < shared->version;
  if (news) peer.direct = shared;
  if (verdict == MergeVerdict::kNewer) peer.record = peer.direct;
  if (verdict == MergeVerdict::kOlder) return Taken::kStale;
  peer.record = peer.direct;  // one copy of what is the same
  return news ? Taken::kNews : Taken::kKnown;
}

Result<Taken> Roster::accept_relayed(const std::string& from, NodeRecord record,
                                     std::uint64_t now_usec) {
  if (!verify_record(record)) {
    return untrusted("RecordForged", "the signature of " + record.node +
                                         "'s record, passed on by " + from + ", is wrong");
  }
  if (Status status = check_cluster(record); !status) return std::move(status).error();
  if (record.node == self_) return Taken::kOwn;
  const Peer* known = find(record.node);
  if (known == nullptr && peers_.size() >= kMaxPeers) return Taken::kUnproven;
  const Pin* pinned = pins_.find(record.node);
  const std::string& key = known != nullptr && !known->member.key.empty() ? known->member.key
                           : pinned != nullptr                            ? pinned->key
                                                                          : record.public_key;
  if (key != record.public_key) return Taken::kUnproven;

  Peer& peer = peers_[record.node];
  peer.member.name = record.node;
  const MergeVerdict verdict =
      peer.record == nullptr ? MergeVerdict::kNewer : compare_records(*peer.record, record);
  switch (verdict) {
    case MergeVerdict::kNewer:
      peer.record = std::make_shared<const NodeRecord>(std::move(record));
      return Taken::kNews;
    case MergeVerdict::kSame:
    case MergeVerdict::kOlder:
      return Taken::kKnown;
    case MergeVerdict::kConflict:
    case MergeVerdict::kOtherMachine:
      break;
  }
  note_conflict(record.node,
                verdict == MergeVerdict::kOtherMachine
                    ? from + " knows another machine under the name " + record.node
                    : from + " has another content for the same version of " + record.node,
                now_usec);
  return Taken::kUnproven;
}

void Roster::heard(const Caller& caller, std::uint64_t now_usec) {
  const auto found = peers_.find(caller.name);
  if (found == peers_.end()) return;
  found->second.heard_usec = now_usec;
  found->second.heard_from = caller.address;
  found->second.contact = {};
}

bool Roster::contact_failed(const std::string& name, Problem problem, std::uint64_t now_usec) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return false;
  const bool news = found->second.contact != problem;
  found->second.contact = std::move(problem);
  found->second.failed_usec = now_usec;
  return news;
}

bool Roster::refuse(const std::string& address, Problem problem, std::uint64_t now_usec) {
  const auto found = std::find_if(refusals_.begin(), refusals_.end(), [&](const Refusal& refusal) {
    return refusal.address == address && refusal.problem.reason == problem.reason;
  });
  if (found != refusals_.end()) {
    found->problem = std::move(problem);
    found->count++;
    found->last_usec = now_usec;
    return false;
  }
  if (refusals_.size() >= kMaxRefusals) {
    refusals_.erase(std::min_element(
        refusals_.begin(), refusals_.end(),
        [](const Refusal& a, const Refusal& b) { return a.last_usec < b.last_usec; }));
  }
  refusals_.push_back({address, std::move(problem), 1, now_usec});
  return true;
}

void Roster::note_conflict(const std::string& name, std::string message, std::uint64_t now_usec) {
  if (name == self_) {
    own_standing_ = {"PeerConflict", std::move(message)};
    own_standing_usec_ = now_usec;
    return;
  }
  const auto found = peers_.find(name);
  if (found == peers_.end()) return;
  found->second.standing = {"PeerConflict", std::move(message)};
  found->second.standing_usec = now_usec;
}

}  // namespace klubster
