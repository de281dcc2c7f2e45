// What peers ask and answer.
#include <algorithm>

#include "base/log.h"
#include "peer/node.h"

namespace klubster {

namespace {

constexpr int kOk = 200, kBadRequest = 400, kForbidden = 403, kNotFound = 404, kConflict = 409;

int status_of(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kUntrusted:
      return kForbidden;
    case ErrorKind::kConflict:
      return kConflict;
    default:
      return kBadRequest;
  }
}

RecordVersion version_of(const Peer* peer) {
  return peer == nullptr || peer->record == nullptr ? RecordVersion{} : peer->record->version;
}

}  // namespace

PeerReply PeerNode::handle(const PeerRequest& request) {
  const std::string& path = request.path;
  if (request.method == "POST" && path == kRecordsPath) return take_push(request);
  if (request.method == "POST" && path == kSyncPath) return take_sync(request);
  if (request.method == "GET" && path == kRecordsPath) return give_records();
  if (request.method == "GET" && path == kHealthPath) return {kOk, R"({"v":1,"ok":true})"};
  if (request.method == "GET" && path.starts_with(kFactsPath)) return give_fact(request);
  return {kNotFound, to_text(Refused{{"Usage", "no such request"}, {}})};
}

PeerReply PeerNode::refuse(const Caller& caller, const Error& error) {
  const Problem problem = {error.reason(), error.message()};
  if (roster_.refuse(caller.address, problem, now_boottime_usec())) {
    log_error(Error(error).in("refused caller " + caller.name + " at " + caller.address));
  }
  refresh_soon();
  // Its own former word is shown to the node alone, not to another machine under its name.
  const Peer* peer = roster_.find(caller.name);
  const bool is_its_own =
      peer != nullptr && peer->record != nullptr && peer->record->public_key == caller.public_key;
  return {status_of(error),
          to_text(Refused{problem, is_its_own ? peer->record->version : RecordVersion{}})};
}

Status PeerNode::take_self(const Caller& peer, NodeRecord record) {
  const Result<Taken> taken = roster_.accept_direct(peer, std::move(record), now_boottime_usec());
  if (!taken) return taken.error();
  if (*taken == Taken::kNews) refresh_soon();
  return {};
}

PeerReply PeerNode::take_push(const PeerRequest& request) {
  Result<NodeRecord> record = parse_record(request.body);
  if (!record) return refuse(request.caller, record.error());
  if (Status taken = take_self(request.caller, *std::move(record)); !taken) {
    return refuse(request.caller, taken.error());
  }
  exchange_->reached(request.caller.name, false);
  return {kOk, known_text(version_of(roster_.find(request.caller.name)))};
}

void PeerNode::take_relayed(const std::string& from, std::vector<NodeRecord> records) {
  for (NodeRecord& record : records) {
    const std::string node = record.node;
    const NodeRecord copy = node == config_.node ? record : NodeRecord{};
    const Result<Taken> taken =
        roster_.accept_relayed(from, std::move(record), now_boottime_usec());
    if (!taken) {
      const Problem problem = {taken.error().reason(), taken.error().message()};
      if (roster_.refuse(from, problem, now_boottime_usec())) log_error(taken.error());
      refresh_soon();
    } else if (*taken == Taken::kNews) {
      refresh_soon();
      // Hearsay satisfies nothing: the node itself is asked.
      exchange_->sync_with(node);
    } else if (*taken == Taken::kOwn) {
      if (copy.machine != config_.machine) {
        roster_.note_conflict(node, from + " knows another machine under the name " + node,
                              now_boottime_usec());
        refresh_soon();
      } else if (copy.signature != roster_.own()->signature) {
        (void)go_beyond(copy.version);  // an older word of ours needs nothing
      }
    }
  }
}

// What the other side does not have, and what it has that we want.
SyncMessage PeerNode::answer_to(const SyncMessage& message) const {
  SyncMessage answer;
  answer.self = *roster_.own();
  if (!message.have) return answer;
  std::map<std::string, RecordVersion> theirs;
  for (const KnownVersion& known : *message.have)
    theirs[known.node] = known.version;
  for (const auto& [name, peer] : roster_.peers()) {
    if (peer.record == nullptr || name == message.self.node) continue;
    const auto found = theirs.find(name);
    if (found == theirs.end() || found->second < peer.record->version) {
      answer.records.push_back(*peer.record);
    }
  }
  for (const auto& [name, version] : theirs) {
    if (name == message.self.node || (name == config_.node && version <= answer.self.version)) {
      continue;
    }
    if (version_of(roster_.find(name)) < version) answer.want.push_back(name);
  }
  // What is known of the caller itself, when it has forgotten: it must go beyond that.
  const Peer* caller = roster_.find(message.self.node);
  if (caller != nullptr && caller->record != nullptr &&
      caller->record->version > message.self.version) {
    answer.records.push_back(*caller->record);
  }
  return answer;
}

PeerReply PeerNode::take_sync(const PeerRequest& request) {
  Result<SyncMessage> message = parse_sync(request.body);
  if (!message) return refuse(request.caller, message.error());
  if (Status taken = take_self(request.caller, message->self); !taken) {
    return refuse(request.caller, taken.error());
  }
  exchange_->reached(request.caller.name, message->have.has_value());
  take_relayed(request.caller.name, std::move(message->records));
  return {kOk, to_text(answer_to(*message))};
}

PeerReply PeerNode::give_records() const {
  Json json = Json::object();
  json["v"] = 1;
  json["records"] = Json::array();
  json["records"].push_back(to_json(*roster_.own()));
  for (const auto& [name, peer] : roster_.peers()) {
    if (peer.record != nullptr) json["records"].push_back(to_json(*peer.record));
  }
  return {kOk, json.dump()};
}

PeerReply PeerNode::give_fact(const PeerRequest& request) {
  const Caller& caller = request.caller;
  const Peer* peer = roster_.find(caller.name);
  if (peer == nullptr || !peer->is_member) {
    return refuse(caller, Error(ErrorKind::kUntrusted, "PeerCertificate",
                                caller.name + " is not in members/ of this node"));
  }
  if (Status known = roster_.check_key(caller); !known) return refuse(caller, known.error());
  const std::string name = request.path.substr(std::string_view(kFactsPath).size());
  const auto found = std::find_if(facts_.begin(), facts_.end(),
                                  [&](const SharedFact& fact) { return fact.name == name; });
  if (found == facts_.end()) {
    return {kNotFound, to_text(Refused{{"FactMissing", "this node shares no such fact"}, {}})};
  }
  return {kOk, to_json(*found).dump()};
}

std::string PeerNode::call_body(CallKind kind) const {
  if (kind == CallKind::kPush) return to_json(*roster_.own()).dump();
  SyncMessage message;
  message.self = *roster_.own();
  message.have.emplace();
  for (const auto& [name, peer] : roster_.peers()) {
    if (peer.record != nullptr) message.have->push_back({name, peer.record->version});
  }
  return to_text(message);
}

Exchange::Answered PeerNode::take_refusal(const Caller& peer, int status, const std::string& body) {
  Refused refused = parse_refused(status, body);
  // The same version with another content counts as a later word: only a new start is sure.
  if (status == kConflict && refused.known >= roster_.own()->version && go_beyond(refused.known)) {
    return {};
  }
  refused.problem.message = peer.name + " refuses this node: " + refused.problem.message;
  return {refused.problem, ""};
}

Exchange::Answered PeerNode::take_answer(const Caller& peer, CallKind kind, int status,
                                         const std::string& body) {
  if (status != kOk) return take_refusal(peer, status, body);
  if (kind == CallKind::kPush) {
    const Result<RecordVersion> known = parse_known(body);
    if (!known) return {{known.error().reason(), known.error().message()}, ""};
    roster_.heard(peer, now_boottime_usec());
    if (*known > roster_.own()->version) (void)go_beyond(*known);  // pushes by itself
    refresh_soon();
    return {};
  }
  Result<SyncMessage> message = parse_sync(body);
  if (!message) return {{message.error().reason(), message.error().message()}, ""};
  if (Status taken = take_self(peer, message->self); !taken) {
    return {{taken.error().reason(), taken.error().message()}, ""};
  }
  take_relayed(peer.name, std::move(message->records));
  if (kind == CallKind::kFollowUp || message->want.empty()) return {};
  SyncMessage follow_up;
  follow_up.self = *roster_.own();
  for (const std::string& name : message->want) {
    const Peer* wanted = roster_.find(name);
    if (wanted != nullptr && wanted->record != nullptr) {
      follow_up.records.push_back(*wanted->record);
    }
  }
  return {{}, follow_up.records.empty() ? "" : to_text(follow_up)};
}

}  // namespace klubster
