// A node's own record, and the coming together of its parts.
#include "peer/node.h"

#include <algorithm>

#include "base/log.h"
#include "base/utc_time.h"
#include "base/version.h"
#include "linux/heap.h"
#include "linux/interfaces.h"
#include "peer/client_tls.h"
#include "peer/credentials.h"
#include "peer/kept_records.h"

namespace klubster {

namespace {

// From this many on, two machines with one identity outbid each other: then each does so rarely.
constexpr unsigned kEndlessBeyond = 4;
constexpr std::uint64_t kFarewellUsec = 5'000'000, kFarewellLookUsec = 50'000;
constexpr std::uint64_t kBeyondPauseUsec = 30'000'000;
constexpr std::uint64_t kRefreshPauseUsec = 50'000;
constexpr std::uint64_t kKeepUsec = 10'000'000;

std::vector<std::string> other_members(const PeerConfig& config) {
  std::vector<std::string> names;
  for (const Member& member : config.members) {
    if (member.name != config.node) names.push_back(member.name);
  }
  return names;
}

// Until the daemon speaks: of no phase is it known that it came back.
RecordBody first_body(const PeerConfig& config) {
  RecordBody body;
  body.versions["klubster"] = kVersion;
  for (const std::string& mode : config.modes) {
    body.conditions.push_back({"Ready", mode, ConditionStatus::kFalse, "", "the node has started",
                               utc_text(now_wall_usec())});
  }
  return body;
}

}  // namespace

PeerNode::PeerNode(EventLoop& loop, PeerConfig config, Identity identity, Pins pins,
                   Replacements replacements)
    : loop_(loop),
      config_(std::move(config)),
      identity_(std::move(identity)),
      roster_(config_, std::move(pins), std::move(replacements)),
      digest_key_(fact_digest_key(config_.token_secret)),
      body_(first_body(config_)) {}

Result<std::unique_ptr<PeerNode>> PeerNode::create(EventLoop& loop, PeerConfig config,
                                                   PeerNodeOptions options) {
  Result<Identity> identity = Identity::load(options.state_dir);
  if (!identity) return std::move(identity).error();
  Result<Ed25519Key> key = identity_key(config, identity->key());
  if (!key) return std::move(key).error();
  identity->use_key(*std::move(key));
  if (Status raised = identity->raise_incarnation(0); !raised) return std::move(raised).error();
  Result<Pins> pins = Pins::load(options.state_dir);
  if (!pins) return std::move(pins).error();
  Result<Replacements> replacements = Replacements::load(options.state_dir);
  if (!replacements) return std::move(replacements).error();
  std::unique_ptr<PeerNode> node(new PeerNode(loop, std::move(config), *std::move(identity),
                                              *std::move(pins), *std::move(replacements)));
  if (Status status = node->start(options); !status) return std::move(status).error();
  return node;
}

PeerNode::~PeerNode() {
  if (keep_) keep();
}

Status PeerNode::start(const PeerNodeOptions& options) {
  state_dir_ = options.state_dir;
  roster_.show_conflicts_for(options.conflict_shown_usec);
  remember_peers();
  Result<PeerCredentials> credentials = make_credentials(config_, identity_.key());
  if (!credentials) return std::move(credentials).error();
  credentials_ = *std::move(credentials);
  auto tls = ClientTls::create(credentials_);
  if (!tls) return std::move(tls).error();
  Result<HttpClient> client = HttpClient::create(loop_);
  if (!client) return std::move(client).error();
  client_.emplace(*std::move(client));

  Exchange::Node hooks;
  hooks.body = [this](const std::string& name, CallKind kind) { return call_body(name, kind); };
  hooks.answered = [this](const Caller& peer, CallKind kind, int status, const std::string& body) {
    return take_answer(peer, kind, status, body);
  };
  hooks.failed = [this](const std::string& name, const HostPort* address, Problem problem) {
    note_failure(name, address, std::move(problem));
  };
  hooks.address = [this](const std::string& name, std::size_t misses) {
    return address_of(name, misses);
  };
  hooks.has_left = [this](const std::string& name) {
    const Peer* peer = roster_.find(name);
    return peer != nullptr && peer->has_left();
  };
  hooks.on_round = [this] {
    if (interface_addresses() != addresses_) renew_record();
    // A conflict ends by nobody's saying so any more, which is no news.
    if (roster_.own_conflict(now_boottime_usec()) != told_conflict_) refresh_soon();
    give_back_memory();
  };
  exchange_.emplace(loop_, *client_, *std::move(tls), options.times, std::move(hooks),
                    other_members(config_));
  renew_record();

  Result<HostPort> listen = parse_host_port(config_.listen);
  if (!listen) return std::move(listen).error();
  auto server = PeerServer::create(
      loop_, *listen, credentials_, options.limits,
      [this](const PeerRequest& request) { return handle(request); },
      [this](const std::string& address, const Problem& problem) {
        if (roster_.refuse(address, problem, now_boottime_usec())) {
          log_error(Error(ErrorKind::kUntrusted, problem.reason, problem.message)
                        .in("refused a caller from " + address));
        }
        refresh_soon();
      });
  if (!server) return std::move(server).error();
  server_ = *std::move(server);
  exchange_->start();
  refresh();
  return {};
}

Result<bool> PeerNode::reconfigure(PeerConfig config) {
  Result<bool> taken = take_config(std::move(config));
  const Problem problem =
      taken ? Problem{} : Problem{taken.error().reason(), taken.error().message()};
  if (!taken) log_error(Error(taken.error()).in("peers go on under the old configuration"));
  if (problem != config_problem_) refresh_soon();
  config_problem_ = problem;
  return taken;
}

Result<bool> PeerNode::take_config(PeerConfig config) {
  const bool same_node = config.node == config_.node && config.machine == config_.machine &&
                         config.boot == config_.boot && config.listen == config_.listen &&
                         config.cluster_name == config_.cluster_name &&
                         config.discovery == config_.discovery &&
                         config.private_key_pem.empty() == config_.private_key_pem.empty();
  if (!same_node) return false;
  const Result<Ed25519Key> key = identity_key(config, identity_.key());
  if (!key) return key.error();
  Result<PeerCredentials> credentials = make_credentials(config, *key);
  if (!credentials) return std::move(credentials).error();
  auto tls = ClientTls::create(*credentials);
  if (!tls) return std::move(tls).error();
  const bool new_key = key->public_key() != identity_.key().public_key();
  // Another key is another start of this node: nothing that it said counts twice.
  if (new_key) {
    if (Status raised = identity_.raise_incarnation(0); !raised) return std::move(raised).error();
  }
  const bool shows_other = *credentials != credentials_;
  if (shows_other) {
    if (Status renewed = server_->renew(*credentials); !renewed) return std::move(renewed).error();
  }
  if (new_key) {
    identity_.use_key(*key);
    seq_ = 0;
  }
  const bool says_something_else =
      new_key || config.modes != config_.modes || config.labels != config_.labels ||
      config.cluster_id != config_.cluster_id || config.token_secret != config_.token_secret;
  config_ = std::move(config);
  digest_key_ = fact_digest_key(config_.token_secret);
  roster_.reconfigure(config_);
  if (shows_other) {
    credentials_ = *std::move(credentials);
    exchange_->renew(*std::move(tls));
    log_info("peers are shown another certificate, or others are believed");
  }
  exchange_->set_members(other_members(config_));
  if (says_something_else) renew_record();
  refresh_soon();
  return true;
}

void PeerNode::publish(RecordBody body) {
  if (body.versions.empty()) body.versions["klubster"] = kVersion;
  if (body == body_) return;
  body_ = std::move(body);
  const bool belongs = body_.forming && !body_.forming->id.empty();
  roster_.set_cluster_id(belongs ? body_.forming->id : config_.cluster_id);
  renew_record();
}

void PeerNode::set_facts(std::vector<SharedFact> facts) {
  std::sort(facts.begin(), facts.end(),
            [](const SharedFact& a, const SharedFact& b) { return a.name < b.name; });
  if (facts == facts_) return;
  facts_ = std::move(facts);
  renew_record();
}

void PeerNode::set_needs(std::vector<Need> needs) {
  needs_ = std::move(needs);
  refresh();
}

Result<Json> PeerNode::replace(const std::string& name) {
  Result<Replacement> proposed = roster_.propose_replacement(name);
  if (!proposed) return std::move(proposed).error();
  proposed->time = utc_text(now_wall_usec());
  sign_replacement(*proposed, identity_.key());
  Json said = Json::object();
  said["node"] = name;
  said["machine"] = proposed->machine;
  said["address"] = roster_.find(name)->claim->address;
  said["by"] = config_.node;
  const Result<Taken> taken = roster_.accept_replacement(*std::move(proposed), now_boottime_usec());
  if (!taken) return taken.error();
  exchange_->sync_with_all();
  refresh_soon();
  return said;
}

void PeerNode::farewell(std::function<void()> told) {
  const std::uint64_t deadline = now_boottime_usec() + kFarewellUsec;
  farewell_ = loop_.after(0, [this, deadline, told = std::move(told)] {
    const bool is_over = has_left(*roster_.own()) && exchange_->is_told();
    if (is_over || now_boottime_usec() > deadline) return told();
    farewell_.rearm(kFarewellLookUsec);
  });
}

std::string PeerNode::peers_text() const {
  return roster_.to_json(now_boottime_usec()).dump();
}

// A new word under the next number, signed and sent.
void PeerNode::renew_record() {
  addresses_ = interface_addresses();
  NodeRecord record;
  record.cluster_name = config_.cluster_name;
  record.cluster_id = roster_.cluster_id();
  record.node = config_.node;
  record.machine = config_.machine;
  record.version = {identity_.incarnation(), ++seq_};
  record.time = utc_text(now_wall_usec());
  record.modes = config_.modes;
  record.labels = config_.labels;
  record.body = body_;
  record.addresses = addresses_;
  for (const SharedFact& fact : facts_)
    record.facts.push_back(describe_fact(fact, digest_key_));
  sign_record(record, identity_.key());
  roster_.set_own(std::move(record));
  own_text_ = to_json(*roster_.own()).dump();
  exchange_->push_to_all();
  refresh_soon();
}

// A peer knows a later word of this very node than its own memory does: the state directory was
// lost or is older. Whatever it said then is over.
bool PeerNode::go_beyond(RecordVersion seen) {
  if (seen < roster_.own()->version) return false;
  const std::uint64_t now = now_boottime_usec();
  if (times_beyond_ >= kEndlessBeyond && now < last_beyond_usec_ + kBeyondPauseUsec) return false;
  last_beyond_usec_ = now;
  if (Status raised = identity_.raise_incarnation(seen.incarnation); !raised) {
    log_error(raised.error());
    return false;
  }
  log_warning("peers remember incarnation " + std::to_string(seen.incarnation) +
              " of this node: it goes on as " + std::to_string(identity_.incarnation()));
  seq_ = 0;
  // A lost memory is made up for at once, or step by step where peers remember different things.
  if (++times_beyond_ >= kEndlessBeyond) {
    roster_.note_conflict(config_.node,
                          "another machine has the identity of " + config_.node +
                              ": each goes beyond what the other says",
                          now);
  }
  renew_record();
  return true;
}

// What was heard before this start, and is on the disk.
void PeerNode::remember_peers() {
  for (NodeRecord& record : load_kept_records(state_dir_))
    (void)roster_.remember(std::move(record));  // peers give again what is not believed
}

// Not at each word: when this program dies at once, what it heard last is asked for again.
void PeerNode::keep_soon() {
  if (!keep_) keep_ = loop_.after(kKeepUsec, [this] { keep(); });
}

void PeerNode::keep() noexcept {
  keep_.cancel();
  std::vector<const NodeRecord*> records;
  for (const auto& [name, peer] : roster_.peers()) {
    if (peer.is_member && peer.record != nullptr) records.push_back(peer.record.get());
  }
  if (Status kept = keep_records(state_dir_, records); !kept) log_error(kept.error());
}

// However much changes in one go, needs are decided and told once; where news follow one another,
// such as the answers of all peers to one push, a few times a second: each costs as much as there
// are peers.
void PeerNode::refresh_soon() {
  if (refresh_) return;
  const std::uint64_t now = now_boottime_usec(), next = refreshed_usec_ + kRefreshPauseUsec;
  refresh_ = loop_.after(next > now ? next - now : 0, [this] { refresh(); });
}

void PeerNode::refresh() {
  refresh_.cancel();
  refreshed_usec_ = now_boottime_usec();
  const std::string before = needs_text_;
  refresh_needs();
  if (needs_text_ != before && needs_changed_) needs_changed_();
  if (peers_changed_) peers_changed_();
}

}  // namespace klubster
