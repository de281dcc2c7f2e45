// A node's own record, and the coming together of its parts.
#include "peer/node.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "linux/interfaces.h"
#include "peer/certificate.h"

namespace klubster {

namespace {

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

PeerNode::PeerNode(EventLoop& loop, PeerConfig config, Identity identity, Pins pins)
    : loop_(loop),
      config_(std::move(config)),
      identity_(std::move(identity)),
      roster_(config_, std::move(pins)),
      digest_key_(fact_digest_key(config_.token_secret)),
      body_(first_body(config_)) {}

Result<std::unique_ptr<PeerNode>> PeerNode::create(EventLoop& loop, PeerConfig config,
                                                   PeerNodeOptions options) {
  Result<Identity> identity = Identity::load(options.state_dir);
  if (!identity) return std::move(identity).error();
  if (Status raised = identity->raise_incarnation(0); !raised) return std::move(raised).error();
  Result<Pins> pins = Pins::load(options.state_dir);
  if (!pins) return std::move(pins).error();
  std::unique_ptr<PeerNode> node(
      new PeerNode(loop, std::move(config), *std::move(identity), *std::move(pins)));
  if (Status status = node->start(options); !status) return std::move(status).error();
  return node;
}

Status PeerNode::start(const PeerNodeOptions& options) {
  const Ed25519Key authority = authority_key(config_.token_secret);
  const ServerCredentials credentials = {
      authority_certificate(authority),
      issue_certificate(authority, identity_.key().public_key(), config_.node),
      private_key_pem(identity_.key())};
  Result<HttpClient> client = HttpClient::create(loop_);
  if (!client) return std::move(client).error();
  client_.emplace(*std::move(client));

  Exchange::Node hooks;
  hooks.body = [this](CallKind kind) { return call_body(kind); };
  hooks.answered = [this](const Caller& peer, CallKind kind, int status, const std::string& body) {
    return take_answer(peer, kind, status, body);
  };
  hooks.failed = [this](const std::string& name, Problem problem) {
    if (roster_.contact_failed(name, std::move(problem), now_boottime_usec())) refresh_soon();
  };
  hooks.address = [this](const std::string& name, std::size_t attempt) {
    return address_of(name, attempt);
  };
  hooks.on_round = [this] {
    if (interface_addresses() != addresses_) renew_record();
  };
  exchange_.emplace(loop_, *client_, credentials, options.times, std::move(hooks),
                    other_members(config_));
  renew_record();

  Result<HostPort> listen = parse_host_port(config_.listen);
  if (!listen) return std::move(listen).error();
  auto server = PeerServer::create(
      loop_, *listen, credentials, options.limits,
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

void PeerNode::publish(RecordBody body) {
  if (body.versions.empty()) body.versions["klubster"] = kVersion;
  if (body == body_) return;
  body_ = std::move(body);
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

std::string PeerNode::peers_text() const {
  return roster_.to_json(now_boottime_usec()).dump();
}

// A new word under the next number, signed and sent.
void PeerNode::renew_record() {
  addresses_ = interface_addresses();
  NodeRecord record;
  record.cluster_name = config_.cluster_name;
  record.cluster_id = config_.cluster_id;
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
  exchange_->push_to_all();
  refresh_soon();
}

// A peer knows a later word of this very node than its own memory does: the state directory was
// lost or is older. Whatever it said then is over.
bool PeerNode::go_beyond(RecordVersion seen) {
  if (seen < roster_.own()->version) return false;
  if (Status raised = identity_.raise_incarnation(seen.incarnation); !raised) {
    log_error(raised.error());
    return false;
  }
  log_warning("peers remember incarnation " + std::to_string(seen.incarnation) +
              " of this node: it goes on as " + std::to_string(identity_.incarnation()));
  seq_ = 0;
  renew_record();
  return true;
}

std::optional<HostPort> PeerNode::address_of(const std::string& name, std::size_t attempt) const {
  const Peer* peer = roster_.find(name);
  if (peer == nullptr) return std::nullopt;
  if (!peer->member.address.empty()) {
    if (auto address = parse_host_port(peer->member.address)) return *address;
  }
  if (peer->record == nullptr || peer->record->addresses.empty()) return std::nullopt;
  const auto& known = peer->record->addresses;
  return HostPort{known[attempt % known.size()],
                  static_cast<std::uint16_t>(*parse_number(kPeeringPort, 65535))};
}

// However much changes in one go, needs are decided and told once.
void PeerNode::refresh_soon() {
  refresh_ = loop_.soon([this] { refresh(); });
}

void PeerNode::refresh() {
  const std::string before = needs_text_;
  refresh_needs();
  if (needs_text_ != before && needs_changed_) needs_changed_();
  if (peers_changed_) peers_changed_();
}

}  // namespace klubster
