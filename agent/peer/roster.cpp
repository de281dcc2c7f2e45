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
// Nor do long records: a usual one has 1 KiB, and all of them have to fit into an answer.
constexpr std::size_t kStrangerBytes = 8 * 1024;
// Each with a machine's id of 128 odd letters, they fit into their file. Members come first.
constexpr std::size_t kMaxPins = 4096;

Error untrusted(const char* reason, std::string message) {
  return Error(ErrorKind::kUntrusted, reason, std::move(message));
}

Error conflict(std::string message) {
  return Error(ErrorKind::kConflict, "PeerConflict", std::move(message));
}

bool is_of_other(const Pin& pinned, const NodeRecord& record) {
  return pinned.machine != record.machine || pinned.key != record.public_key;
}

std::string short_key(std::string_view key) {
  return to_base64(key).substr(0, 8) + "…";
}

}  // namespace

bool has_left(const NodeRecord& record) {
  const Condition* left = find_condition(record.body.conditions, "Left", "");
  return left != nullptr && left->status == ConditionStatus::kTrue;
}

const NodeRecord* Peer::said() const {
  if (direct == nullptr) return nullptr;
  if (record != nullptr && record->version.incarnation > direct->version.incarnation) {
    return nullptr;
  }
  return direct.get();
}

RecordVersion Peer::last_version() const {
  RecordVersion last;
  for (const auto& known : {record, former}) {
    if (known != nullptr) last = std::max(last, known->version);
  }
  return last;
}

Roster::Roster(const PeerConfig& config, Pins pins, Replacements replacements)
    : self_(config.node),
      cluster_name_(config.cluster_name),
      cluster_id_(config.cluster_id),
      pins_(std::move(pins)),
      replacements_(std::move(replacements)) {
  take_members(config);
}

void Roster::reconfigure(const PeerConfig& config) {
  if (cluster_id_.empty()) cluster_id_ = config.cluster_id;  // else the daemon has said it
  own_address_.clear();
  for (auto& [name, peer] : peers_) {
    peer.member = Member{name, {}, "", ""};
    peer.is_member = false;
  }
  take_members(config);
  std::erase_if(peers_, [](const auto& entry) {
    return !entry.second.is_member && entry.second.record == nullptr;
  });
}

void Roster::take_members(const PeerConfig& config) {
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

// Whether there is room for what somebody who may be no member says.
Status Roster::check_room(const NodeRecord& record) const {
  const Peer* peer = find(record.node);
  if (peer != nullptr && peer->is_member) return {};
  const bool is_crowded = peer == nullptr && peers_.size() >= kMaxPeers;
  if (!is_crowded && klubster::to_json(record).dump().size() <= kStrangerBytes) return {};
  return Error(ErrorKind::kUnavailable, "TooLarge",
               is_crowded ? "too many nodes outside members/ are known"
                          : "the record of " + record.node + ", which is not in members/, has " +
                                "more than " + std::to_string(kStrangerBytes) + " bytes");
}

void Roster::pin(const std::string& name, const NodeRecord& record) {
  const Pin wanted = {record.public_key, record.machine,
                      has_left(record) ? record.version.incarnation : 0};
  const Pin* pinned = pins_.find(name);
  if (pinned != nullptr && *pinned == wanted) return;
  const Peer* peer = find(name);
  const bool is_member = peer != nullptr && peer->is_member;
  if (pinned == nullptr && !is_member && pins_.size() >= kMaxPins) return;
  const Status kept = pins_.set(name, wanted);
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

// The incarnation of whoever had the name and said goodbye; a key of the config tree frees no name.
std::optional<std::uint64_t> Roster::freed_by(const Peer& peer) const {
  if (!peer.member.key.empty()) return std::nullopt;
  if (peer.has_left()) return peer.record->version.incarnation;
  const Pin* pinned = pins_.find(peer.member.name);
  if (pinned != nullptr && pinned->left > 0) return pinned->left;
  return std::nullopt;
}

// Whether the record is the first of another machine, or of another key, under a name that is free.
bool Roster::takes_freed_name(const Peer& peer, const NodeRecord& record) const {
  if (!freed_by(peer)) return false;
  if (peer.record != nullptr) {
    return peer.record->machine != record.machine || peer.record->public_key != record.public_key;
  }
  return is_of_other(*pins_.find(peer.member.name), record);
}

// Decides whether this key may speak for the node, pins it, and drops what another key said.
Status Roster::admit_key(Peer& peer, const Caller& caller, const NodeRecord& record,
                         std::uint64_t now_usec) {
  const Pin* pinned = pins_.find(caller.name);
  if (!peer.member.key.empty()) {
    if (Status status = check_key(caller); !status) return status;
  }
  // Others may have told of who took a name before it calls itself: its record stands, and whoever
  // left is pinned still.
  const bool is_free = takes_freed_name(peer, record) ||
                       (freed_by(peer) && pinned != nullptr && is_of_other(*pinned, record));
  if (pinned != nullptr && pinned->machine != record.machine && peer.member.key.empty() &&
      !is_free) {
    peer.claim = Claim{record.public_key, record.machine, caller.address};
    const std::string message = caller.name + " is another machine (" + caller.address +
                                ") than the one first seen under this name";
    peer.standing = {"PeerConflict", message};
    peer.standing_usec = now_usec;
    return conflict(message);
  }
  if (is_free) {
    peer.standing = {};
    log_info("the name " + caller.name + ", free since its node left, is now of another one at " +
             caller.address);
  } else if (pinned == nullptr || pinned->key != record.public_key ||
             pinned->machine != record.machine) {
    if (pinned != nullptr && pinned->key != record.public_key) {
      peer.standing = {"PeerKeyChanged", caller.name + " has a new key " +
                                             short_key(record.public_key) + ", same machine"};
      peer.standing_usec = now_usec;
      log_warning(peer.standing.message, {{"KLUBSTER_REASON", peer.standing.reason}});
    }
  }
  const auto is_other = [&](const std::shared_ptr<const NodeRecord>& known) {
    return known != nullptr &&
           (known->public_key != record.public_key || known->machine != record.machine);
  };
  // An older word of the same node, come late, does not take its goodbye back.
  const bool is_next = is_free && is_other(peer.record);
  const bool is_late = peer.record != nullptr && !is_next && record.version < peer.record->version;
  if (!is_late || pinned == nullptr) pin(caller.name, record);
  if (is_other(peer.record)) {
    if (peer.record->machine == record.machine || is_free) peer.former = peer.record;
    peer.record.reset();
  }
  if (is_other(peer.direct)) peer.direct.reset();
  return {};
}

// Whether exactly this was accepted before: its signature need not be proven again.
bool Roster::is_known_word(const NodeRecord& record) const {
  const Peer* peer = find(record.node);
  if (peer == nullptr) return false;
  return (peer->record != nullptr && *peer->record == record) ||
         (peer->direct != nullptr && *peer->direct == record);
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
  if (!is_known_word(record) && !verify_record(record)) {
    return untrusted("RecordForged", "the signature of " + caller.name + "'s record is wrong");
  }
  if (Status status = check_cluster(record); !status) return std::move(status).error();
  if (caller.name == self_) {
    const std::string message =
        "another machine (" + caller.address + ") calls itself " + self_ + " too";
    note_conflict(self_, message, now_usec);
    return conflict(message);
  }
  if (Status room = check_room(record); !room) return std::move(room).error();
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
  peer.is_kept = false;
  if (news) peer.direct = shared;
  if (verdict == MergeVerdict::kNewer) peer.record = peer.direct;
  if (verdict == MergeVerdict::kOlder) return Taken::kStale;
  peer.record = peer.direct;  // one copy of what is the same
  return news ? Taken::kNews : Taken::kKnown;
}

bool Roster::remember(NodeRecord record) {
  const auto found = peers_.find(record.node);
  if (found == peers_.end() || !found->second.is_member || found->second.record != nullptr) {
    return false;
  }
  Peer& peer = found->second;
  const Pin* pinned = pins_.find(record.node);
  const std::string& key = !peer.member.key.empty() ? peer.member.key
                           : pinned != nullptr      ? pinned->key
                                                    : record.public_key;
  const bool is_other_machine = pinned != nullptr && pinned->machine != record.machine;
  if (key != record.public_key || is_other_machine || !check_cluster(record) ||
      !verify_record(record)) {
    return false;
  }
  peer.record = std::make_shared<const NodeRecord>(std::move(record));
  peer.is_kept = true;
  return true;
}

Result<Taken> Roster::accept_relayed(const std::string& from, NodeRecord record,
                                     std::uint64_t now_usec) {
  if (!is_known_word(record) && !verify_record(record)) {
    return untrusted("RecordForged", "the signature of " + record.node +
                                         "'s record, passed on by " + from + ", is wrong");
  }
  if (Status status = check_cluster(record); !status) return std::move(status).error();
  if (record.node == self_) return Taken::kOwn;
  const Peer* known = find(record.node);
  if (!check_room(record)) return Taken::kUnproven;
  const Pin* pinned = pins_.find(record.node);
  const std::string& key = known != nullptr && !known->member.key.empty() ? known->member.key
                           : pinned != nullptr                            ? pinned->key
                                                                          : record.public_key;
  Peer& peer = peers_[record.node];
  peer.member.name = record.node;
  if (takes_freed_name(peer, record)) {
    // Who takes a name goes beyond who had it: what was said before the goodbye never comes back.
    if (record.version.incarnation <= *freed_by(peer)) return Taken::kKnown;
    peer.former = peer.record;
    peer.is_kept = false;
    peer.direct.reset();
    peer.record = std::make_shared<const NodeRecord>(std::move(record));
    return Taken::kNews;
  }
  if (key != record.public_key) return Taken::kUnproven;
  const MergeVerdict verdict =
      peer.record == nullptr ? MergeVerdict::kNewer : compare_records(*peer.record, record);
  if (verdict == MergeVerdict::kNewer || verdict == MergeVerdict::kSame) peer.is_kept = false;
  switch (verdict) {
    case MergeVerdict::kNewer:
      peer.record = std::make_shared<const NodeRecord>(std::move(record));
      // Whom it is known by stays known, and so does that it left.
      if (pinned != nullptr && pinned->machine == peer.record->machine) {
        pin(peer.member.name, *peer.record);
      }
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

Result<Taken> Roster::accept_replacement(Replacement replacement, std::uint64_t now_usec) {
  const std::string& by = replacement.by;
  if (!verify_replacement(replacement)) {
    return untrusted("RecordForged",
                     "the signature of " + by + "'s word about " + replacement.node + " is wrong");
  }
  if (replacement.cluster_name != cluster_name_) {
    return Error(ErrorKind::kConflict, "ClusterDiffers",
                 by + "'s word about " + replacement.node + " is of another cluster");
  }
  const Replacement* known = replacements_.find(replacement.node);
  if (known != nullptr && !replacement.is_after(*known)) return Taken::kKnown;
  const Peer* speaker = find(by);
  const Pin* pinned = pins_.find(by);
  std::string key;  // that its speaker is known by
  if (by == self_) {
    if (own_ != nullptr) key = own_->public_key;
  } else if (speaker != nullptr && speaker->is_member) {
    key = !speaker->member.key.empty() ? speaker->member.key : pinned != nullptr ? pinned->key : "";
  }
  if (key.empty()) return Taken::kUnproven;
  if (key != replacement.by_key) {
    return untrusted("PeerKeyDiffers",
                     "the word about " + replacement.node + " is not by the key of " + by);
  }
  const std::string node = replacement.node;
  if (Status kept = replacements_.set(replacement); !kept) {
    // What is not kept would be news each time that it is heard.
    if (kept.error().kind() == ErrorKind::kConflict) return kept.error();
    log_error(kept.error());
  }
  log_warning("as said on " + by + ", the name " + node + " is of another machine from now on");
  if (node == self_) {
    if (own_ != nullptr && own_->machine != replacement.machine) {
      note_conflict(self_, "as said on " + by + ", this name is of another machine now", now_usec);
    }
    return Taken::kNews;
  }
  Peer& peer = peers_[node];
  peer.member.name = node;
  if (!peer.member.key.empty() && peer.member.key != replacement.key) return Taken::kNews;
  if (Status kept = pins_.set(node, {replacement.key, replacement.machine, 0}); !kept) {
    log_error(kept.error());
  }
  peer.standing = {};
  peer.claim.reset();
  if (peer.record != nullptr && peer.record->machine != replacement.machine) {
    peer.former = std::move(peer.record);
    peer.record.reset();
    peer.direct.reset();
    peer.heard_usec = 0;
  }
  return Taken::kNews;
}

Result<Replacement> Roster::propose_replacement(const std::string& name) const {
  const Peer* peer = find(name);
  const auto refuse = [](std::string message, const char* hint) {
    return Error(ErrorKind::kInvalid, "UnknownName", std::move(message)).hint(hint);
  };
  if (peer == nullptr) {
    return refuse("no peer is called `" + name + "`", "klubster peers lists them");
  }
  if (!peer->member.key.empty()) {
    return Error(ErrorKind::kConflict, "PeerKeyDiffers",
                 "members/" + name + "/key says which key is the only one for this name")
        .hint("change that key in the config tree");
  }
  if (!peer->claim) {
    return refuse("no other machine has asked for the name " + name + " here",
                  "klubster peers shows it as PeerConflict where one has");
  }
  Replacement replacement;
  replacement.cluster_name = cluster_name_;
  replacement.node = name;
  replacement.machine = peer->claim->machine;
  replacement.key = peer->claim->key;
  replacement.incarnation = peer->last_version().incarnation;
  if (const Replacement* before = replacements_.find(name)) {
    replacement.incarnation = std::max(replacement.incarnation, before->incarnation + 1);
  }
  if (replacement.incarnation > kMaxIncarnation) {
    return conflict("incarnation " + std::to_string(replacement.incarnation) + " of " + name +
                    " is more than peers take");
  }
  replacement.by = self_;
  return replacement;
}

bool Roster::heard(const Caller& caller, std::uint64_t now_usec) {
  const auto found = peers_.find(caller.name);
  if (found == peers_.end()) return false;
  Peer& peer = found->second;
  const bool is_news = peer.heard_usec == 0 || peer.heard_from != caller.address || peer.contact ||
                       peer.failures > 0 || !peer.told_cluster.empty();
  peer.heard_usec = now_usec;
  peer.heard_from = caller.address;
  peer.contact = {};
  peer.failures = 0;
  peer.told_cluster.clear();  // it lets this node in
  return is_news;
}

void Roster::set_cluster_id(const std::string& id) {
  if (id == cluster_id_) return;
  cluster_id_ = id;
  for (auto& [name, peer] : peers_) {
    for (auto* known : {&peer.record, &peer.direct}) {
      if (*known != nullptr && !check_cluster(**known)) known->reset();
    }
  }
}

void Roster::note_cluster(const std::string& name, std::string cluster_id) {
  const auto found = peers_.find(name);
  if (found != peers_.end()) found->second.told_cluster = std::move(cluster_id);
}

bool Roster::contact_failed(const std::string& name, Problem problem, std::uint64_t now_usec) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return false;
  const bool given_up = ++found->second.failures == kUnreachableFailures;
  const bool news = given_up || found->second.contact != problem || !found->second.is_silent();
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
