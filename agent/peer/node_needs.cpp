// What this node's steps wait for.
#include <algorithm>

#include "base/log.h"
#include "peer/node.h"

namespace klubster {

namespace {

constexpr std::uint64_t kFirstRetryUsec = 1'000'000;
constexpr std::uint64_t kLastRetryUsec = 15'000'000;

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

void add_trouble(Json& json, std::string_view key, const Problem& problem) {
  if (!problem) return;
  Json& trouble = json[key];
  trouble["reason"] = problem.reason;
  trouble["message"] = problem.message;
}

}  // namespace

// The members and this node, sorted by name.
std::vector<Candidate> PeerNode::candidates() const {
  std::vector<Candidate> all;
  const Member* own_entry = config_.find_member(config_.node);
  all.push_back({config_.node,
                 own_entry != nullptr && config_.modes.empty() ? own_entry->modes : config_.modes,
                 roster_.own().get()});
  for (const auto& [name, peer] : roster_.peers()) {
    if (!peer.is_member || peer.has_left()) continue;  // nobody waits for who said goodbye
    all.push_back({name, peer.member.modes, peer.said(), peer.is_silent()});
  }
  std::sort(all.begin(), all.end(),
            [](const Candidate& a, const Candidate& b) { return a.name < b.name; });
  return all;
}

// The value, when it is here; otherwise it is on its way.
const SharedFact* PeerNode::value_of(const FactSource& source) {
  if (source.owner == config_.node) {
    const auto found = std::find_if(facts_.begin(), facts_.end(), [&](const SharedFact& fact) {
      return fact.name == source.name;
    });
    return found == facts_.end() ? nullptr : &*found;
  }
  const SharedFact* value = fetched_.find(source);
  if (value == nullptr) fetch(source);
  return value;
}

// While a token is turned the owner may have keyed its digest with either.
bool PeerNode::is_said_of(const SharedFact& fact, const FactSource& source) const {
  if (describe_fact(fact, digest_key_).sha256 == source.sha256) return true;
  return !config_.next_token_secret.empty() &&
         describe_fact(fact, fact_digest_key(config_.next_token_secret)).sha256 == source.sha256;
}

void PeerNode::fetch(const FactSource& source) {
  Fetching& fetching = fetching_[{source.owner, source.name}];
  if (fetching.is_running || fetching.timer) return;
  fetching.is_running = true;
  exchange_->fetch_fact(source.owner, source.name, [this, source](Result<std::string> body) {
    Fetching& mine = fetching_[{source.owner, source.name}];
    mine.is_running = false;
    Result<SharedFact> fact = body ? shared_fact_from_json(*body) : Error(body.error());
    // The record says what the value must be: another one means that news are on their way.
    if (fact && !is_said_of(*fact, source)) {
      fact = Error(ErrorKind::kUnavailable, "PeerUnreachable",
                   source.owner + " has another value than its record says");
    }
    if (fact) {
      fetched_.put(source, *std::move(fact));
      fetching_.erase({source.owner, source.name});
      return refresh_soon();
    }
    mine.problem = {fact.error().reason(), fact.error().message()};
    mine.retry_usec = std::min(kLastRetryUsec, std::max(kFirstRetryUsec, 2 * mine.retry_usec));
    mine.timer = loop_.after(mine.retry_usec, [this, source] {
      fetching_[{source.owner, source.name}].timer.cancel();
      refresh();
    });
    refresh_soon();
  });
}

// Whether all values are here.
bool PeerNode::add_facts(Json& json, const NeedDecision& decision) {
  bool complete = true;
  std::string missing, from;
  Problem problem;
  for (const FactSource& source : decision.sources) {
    const SharedFact* fact = value_of(source);
    if (fact == nullptr) {
      complete = false;
      missing += (missing.empty() ? "" : ", ") + source.name;
      if (from.find(source.owner) == std::string::npos) {
        from += (from.empty() ? "" : ", ") + source.owner;
      }
      const auto fetching = fetching_.find({source.owner, source.name});
      if (fetching != fetching_.end() && fetching->second.problem) {
        problem = fetching->second.problem;
      }
      continue;
    }
    Json item = Json::object();
    item["name"] = fact->name;
    item["value"] = fact->value;
    item["sensitive"] = fact->sensitive;
    item["from"] = source.owner;
    json["facts"].push_back(std::move(item));
  }
  if (!missing.empty() && decision.holds) {
    json["waitingFor"] = "facts " + missing + " from " + from;
  }
  if (problem) {
    json["problem"]["reason"] = problem.reason;
    json["problem"]["message"] = problem.message;
    json["problem"]["retry"] = true;
  }
  return complete;
}

Json PeerNode::need_json(const Need& need, const NeedDecision& decision) {
  Json json = Json::object();
  json["id"] = need.id;
  json["by"] = Json(decision.by);
  json["waitingFor"] = decision.waiting_for;
  json["facts"] = Json::array();
  const bool complete = add_facts(json, decision);
  json["satisfied"] = decision.holds && complete;
  if (decision.problem) {
    json["problem"]["reason"] = decision.problem->reason;
    json["problem"]["message"] = decision.problem->message;
    json["problem"]["retry"] = false;
  }
  return json;
}

Json PeerNode::members_json() const {
  Json members = Json::array();
  for (const Candidate& candidate : candidates()) {
    std::vector<std::string> addresses;
    // What the config tree says comes first: a machine may have interfaces that peers cannot reach.
    const Member* entry = config_.find_member(candidate.name);
    if (entry != nullptr && !entry->address.empty()) {
      if (const auto address = parse_host_port(entry->address)) {
        addresses.push_back(address->host);
      }
    }
    const Peer* peer = roster_.find(candidate.name);
    const NodeRecord* record = candidate.name == config_.node ? roster_.own().get()
                               : peer != nullptr              ? peer->record.get()
                                                              : nullptr;
    if (record != nullptr) {
      for (const std::string& address : record->addresses)
        add_once(addresses, address);
    }
    Json item = Json::object();
    item["name"] = candidate.name;
    item["addresses"] = Json(addresses);
    members.push_back(std::move(item));
  }
  return members;
}

void PeerNode::refresh_needs() {
  const std::vector<Candidate> everybody = candidates();
  Json json = Json::object();
  json["needs"] = Json::array();
  std::vector<FactSource> sources;
  for (const Need& need : needs_) {
    const NeedDecision decision = decide_need(need, everybody);
    sources.insert(sources.end(), decision.sources.begin(), decision.sources.end());
    Json item = need_json(need, decision);
    if (decision.holds) item["away"] = leans_on_silent(need, everybody);
    json["needs"].push_back(std::move(item));
  }
  json["members"] = members_json();
  json["forming"] = forming_json();
  told_conflict_ = roster_.own_conflict(now_boottime_usec());
  add_trouble(json, "conflict", told_conflict_);
  add_trouble(json, "refusal", config_problem_);
  fetched_.keep_only(sources);
  std::erase_if(fetching_, [&](const auto& entry) {
    return !entry.second.is_running && !has_source(sources, entry.first.first, entry.first.second);
  });
  needs_text_ = json.dump();
}

}  // namespace klubster
