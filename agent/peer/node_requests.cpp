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
  return peer == nullptr ? RecordVersion{} : peer->last_version();
}

}  // namespace

PeerReply PeerNode::handle(const PeerRequest& request) {
  const std::string& path = request.path;
  ++requests_;
  if (request.method == "GET" && path == kMetricsPath && request.is_local) {
    return {kOk, metrics_text(), "text/plain; version=0.0.4"};
  }
  // Who needs no certificate to be heard gets nothing else.
  if (request.caller.name.empty()) {
    return refuse(request.caller, Error(ErrorKind::kUntrusted, "PeerCertificate",
                                        "the caller showed no certificate"));
  }
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
  Refused refused{problem, is_its_own ? peer->record->version : RecordVersion{}};
  // That there is a cluster is told to a machine under a pinned name, too, lest it begin another
  // one; not to one that names another cluster.
  if (error.reason() != "ClusterDiffers") refused.cluster = roster_.cluster_id();
  return {status_of(error), to_text(refused)};
}

Status PeerNode::take_self(const Caller& peer, NodeRecord record) {
  const Peer* known = roster_.find(peer.name);
  const bool had_left = known != nullptr && known->has_left();
  const Result<Taken> taken = roster_.accept_direct(peer, std::move(record), now_boottime_usec());
  if (!taken) return taken.error();
  if (*taken == Taken::kNews) {
    refresh_soon();
    keep_soon();
    // Who left and is back has not been called meanwhile.
    if (had_left) exchange_->sync_with(peer.name);
  }
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

// What `from` passed on is not believed.
void PeerNode::note_refusal(const std::string& from, const Error& error) {
  if (roster_.refuse(from, {error.reason(), error.message()}, now_boottime_usec())) {
    log_error(error);
  }
  refresh_soon();
}

void PeerNode::take_relayed(const std::string& from, std::vector<NodeRecord> records) {
  for (NodeRecord& record : records) {
    const std::string node = record.node;
    const NodeRecord copy = node == config_.node ? record : NodeRecord{};
    const Result<Taken> taken =
        roster_.accept_relayed(from, std::move(record), now_boottime_usec());
    if (!taken) {
      note_refusal(from, taken.error());
    } else if (*taken == Taken::kNews) {
      refresh_soon();
      keep_soon();
      // Hearsay satisfies nothing: the node itself is asked.
      exchange_->sync_with(node);
    } else if (*taken == Taken::kOwn) {
      take_own_word(from, copy);
    }
  }
}

// What somebody remembers under this node's name.
void PeerNode::take_own_word(const std::string& from, const NodeRecord& record) {
  // Who had the name before and left it: this node goes on after it.
  const bool is_former = has_left(record) || record.machine == config_.machine;
  if (!is_former) {
    const Replacement* replaced = roster_.replacements().find(config_.node);
    if (replaced != nullptr && replaced->machine == config_.machine) {
      (void)go_beyond(record.version);
      return;
    }
    roster_.note_conflict(config_.node,
                          from + " knows another machine under the name " + config_.node,
                          now_boottime_usec());
    refresh_soon();
  } else if (record.signature != roster_.own()->signature) {
    (void)go_beyond(record.version);  // an older word of ours needs nothing
  }
}

void PeerNode::take_replacements(const std::string& from, std::vector<Replacement> replacements) {
  for (Replacement& replacement : replacements) {
    const Result<Taken> taken =
        roster_.accept_replacement(std::move(replacement), now_boottime_usec());
    if (!taken) {
      note_refusal(from, taken.error());
    } else if (*taken == Taken::kNews) {
      // Everybody passes news on: who said it may reach only some.
      exchange_->sync_with_all();
      refresh_soon();
    }
  }
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

Exchange::Answered PeerNode::take_refusal(const Caller& peer, int status, const std::string& body) {
  Refused refused = parse_refused(status, body);
  // The same version with another content counts as a later word: only a new start is sure.
  if (status == kConflict && refused.known >= roster_.own()->version && go_beyond(refused.known)) {
    return {};
  }
  if (!refused.cluster.empty()) {
    roster_.note_cluster(peer.name, refused.cluster);
    refresh_soon();
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
    if (roster_.heard(peer, now_boottime_usec())) refresh_soon();
    if (*known > roster_.own()->version) (void)go_beyond(*known);  // pushes by itself
    return {};
  }
  return take_sync_answer(peer, kind, body);
}

}  // namespace klubster
