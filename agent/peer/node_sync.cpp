// Repair: two nodes compare what they know, and exchange what one of them lacks (peers.md,
// "Exchange").
#include <algorithm>

#include "peer/node.h"

namespace klubster {

namespace {

// Of one message: what fits into a body.
constexpr std::size_t kWantAtOnce = 40, kGiveBytes = 40 * 1024;
// However much two nodes differ, one exchange ends; the next one goes on.
constexpr unsigned kMaxRounds = 16;

Edition direct_edition(const Peer* peer) {
  return peer == nullptr || peer->direct == nullptr ? Edition{} : edition_of(*peer->direct);
}

}  // namespace

// All that is known, by name, this node among it.
std::vector<Row> PeerNode::rows() const {
  std::vector<Row> all;
  all.reserve(roster_.peers().size() + 1);
  for (const auto& [name, peer] : roster_.peers()) {
    if (peer.record != nullptr) all.push_back({name, edition_of(*peer.record)});
  }
  all.push_back({config_.node, edition_of(*roster_.own())});
  std::sort(all.begin(), all.end(), [](const Row& a, const Row& b) { return a.node < b.node; });
  return all;
}

// What every message begins with. The record goes along unless the peer has it.
SyncMessage PeerNode::sync_message(const std::string& to) const {
  SyncMessage message;
  message.at = edition_of(*roster_.own());
  message.yours = direct_edition(roster_.find(to));
  message.decided = roster_.replacements().digest();
  return message;
}

void PeerNode::add_records(SyncMessage& message, const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const Peer* peer = roster_.find(name);
    if (peer != nullptr && peer->record != nullptr) message.records.push_back(*peer->record);
  }
}

std::string PeerNode::call_body(const std::string& name, CallKind kind) {
  if (kind == CallKind::kPush) return own_text_;
  repairs_.erase(name);
  SyncMessage message = sync_message(name);
  const auto told = told_.find(name);
  if (told == told_.end() || told->second != message.at) message.self = *roster_.own();
  message.buckets = digests_of(rows());
  return to_text(message);
}

SyncMessage PeerNode::answer_to(const std::string& to, const SyncMessage& message) const {
  SyncMessage answer = sync_message(to);
  if (message.yours != answer.at) answer.self = *roster_.own();
  if (message.decided != answer.decided) answer.replacements = roster_.replacements().all();
  // What is known of the caller itself, when it has forgotten: it must go beyond that.
  const Peer* caller = roster_.find(to);
  if (caller != nullptr) {
    for (const auto& known : {caller->record, caller->former}) {
      if (known != nullptr && known->version > message.at.version) answer.records.push_back(*known);
    }
  }
  add_records(answer, message.want);
  if (!message.buckets) return answer;
  const std::vector<Row> known = rows();
  const Buckets digests = digests_of(known);
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (digests[bucket] != (*message.buckets)[bucket]) answer.rows[bucket];
  }
  for (const Row& row : known) {
    const auto found = answer.rows.find(bucket_of(row.node));
    if (found != answer.rows.end()) found->second.push_back(row);
  }
  return answer;
}

PeerReply PeerNode::take_sync(const PeerRequest& request) {
  const Caller& caller = request.caller;
  Result<SyncMessage> message = parse_sync(request.body);
  if (!message) return refuse(caller, message.error());
  if (message->self) {
    if (Status taken = take_self(caller, *message->self); !taken) {
      return refuse(caller, taken.error());
    }
  } else if (is_at(caller, message->at)) {
    if (roster_.heard(caller, now_boottime_usec())) refresh_soon();
  }
  // Who does not say who it is holds nobody else's place, even with the cluster's certificate.
  if (message->self || is_at(caller, message->at)) {
    exchange_->reached(caller.name, message->buckets.has_value());
  }
  take_replacements(caller.name, std::move(message->replacements));
  take_relayed(caller.name, std::move(message->records));
  return {.body = to_text(answer_to(caller.name, *message))};
}

// Whether this very key gave exactly this before.
bool PeerNode::is_at(const Caller& caller, const Edition& edition) const {
  const Peer* peer = roster_.find(caller.name);
  return peer != nullptr && peer->direct != nullptr &&
         peer->direct->public_key == caller.public_key && edition_of(*peer->direct) == edition;
}

// What the rows of the peer mean: who lacks what.
void PeerNode::compare(const std::string& with, const SyncMessage& answer) {
  Repair& repair = repairs_[with];
  std::map<std::string, Edition> theirs;
  for (const auto& [bucket, its] : answer.rows) {
    for (const Row& row : its)
      theirs[row.node] = row.edition;
  }
  for (const Row& row : rows()) {
    if (answer.rows.count(bucket_of(row.node)) == 0) continue;
    const auto found = theirs.find(row.node);
    const Edition their = found == theirs.end() ? Edition{} : found->second;
    if (found != theirs.end()) theirs.erase(found);
    if (row.node == with) continue;  // it gives its own word by itself
    // The same version with another content is wanted, too: it is a conflict to be seen.
    const bool is_behind = their.version > row.edition.version ||
                           (their.version == row.edition.version && their.mark != row.edition.mark);
    if (is_behind) {
      repair.want.push_back(row.node);
    } else if (their != row.edition && row.node != config_.node) {
      repair.give.push_back(row.node);
    }
  }
  for (const auto& [name, edition] : theirs) {
    if (name != with) repair.want.push_back(name);
  }
}

// The next message of a repair; empty when nothing is owed.
std::string PeerNode::follow_up_to(const std::string& to, const SyncMessage& answer,
                                   bool is_first) {
  SyncMessage message = sync_message(to);
  if (answer.yours != message.at) message.self = *roster_.own();
  if (is_first && answer.decided != message.decided) {
    message.replacements = roster_.replacements().all();
  }
  Repair& repair = repairs_[to];
  while (!repair.want.empty() && message.want.size() < kWantAtOnce) {
    message.want.push_back(std::move(repair.want.back()));
    repair.want.pop_back();
  }
  std::size_t bytes = 0;
  while (!repair.give.empty() && bytes < kGiveBytes) {
    add_records(message, {repair.give.back()});
    repair.give.pop_back();
    if (!message.records.empty()) bytes += to_json(message.records.back()).dump().size();
  }
  const bool is_owed = (message.self && is_first) || !message.want.empty() ||
                       !message.records.empty() || !message.replacements.empty();
  if (!is_owed || ++repair.rounds > kMaxRounds) {
    repairs_.erase(to);
    return "";
  }
  return to_text(message);
}

Exchange::Answered PeerNode::take_sync_answer(const Caller& peer, CallKind kind,
                                              const std::string& body) {
  Result<SyncMessage> message = parse_sync(body);
  if (!message) return {{message.error().reason(), message.error().message()}, ""};
  if (message->self) {
    if (Status taken = take_self(peer, *message->self); !taken) {
      return {{taken.error().reason(), taken.error().message()}, ""};
    }
  } else if (is_at(peer, message->at)) {
    if (roster_.heard(peer, now_boottime_usec())) refresh_soon();
  }
  told_[peer.name] = message->yours;
  const bool is_first = kind == CallKind::kSync;
  if (is_first) compare(peer.name, *message);
  take_replacements(peer.name, std::move(message->replacements));
  take_relayed(peer.name, std::move(message->records));
  return {{}, follow_up_to(peer.name, *message, is_first)};
}

}  // namespace klubster
