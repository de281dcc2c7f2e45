// A node among its peers: what it says, whom it hears, what its steps wait for. Knows no D-Bus.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "linux/event_loop.h"
#include "peer/config.h"
#include "peer/exchange.h"
#include "peer/facts.h"
#include "peer/identity.h"
#include "peer/needs.h"
#include "peer/roster.h"
#include "peer/server.h"
#include "peer/wire.h"

namespace klubster {

struct PeerNodeOptions {
  std::string state_dir;
  ServerLimits limits;
  ExchangeTimes times;
};

class PeerNode {
 public:
  // Loads the identity, raises the incarnation (durable before anything is said), listens, asks
  // everybody. Errors: kIo (state directory), kUnavailable (listen address).
  static Result<std::unique_ptr<PeerNode>> create(EventLoop& loop, PeerConfig config,
                                                  PeerNodeOptions options);

  // The newest word of the daemon; nothing happens when it is the old one.
  void publish(RecordBody body);
  // The complete set of facts that members may fetch.
  void set_facts(std::vector<SharedFact> facts);
  // The complete set of needs.
  void set_needs(std::vector<Need> needs);

  // What GetNeeds answers: {"needs":[…],"members":[…]}. Holds sensitive values.
  const std::string& needs_text() const { return needs_text_; }
  // What GetPeers answers.
  std::string peers_text() const;

  // Called from the loop, after one or more changes.
  void on_needs_changed(std::function<void()> handler) { needs_changed_ = std::move(handler); }
  void on_peers_changed(std::function<void()> handler) { peers_changed_ = std::move(handler); }

  std::uint16_t port() const { return server_->port(); }
  const Roster& roster() const { return roster_; }

 private:
  PeerNode(EventLoop& loop, PeerConfig config, Identity identity, Pins pins);
  Status start(const PeerNodeOptions& options);

  // node.cpp: what is said.
  void renew_record();
  bool go_beyond(RecordVersion seen);
  std::optional<HostPort> address_of(const std::string& name, std::size_t attempt) const;
  void refresh_soon();
  void refresh();

  // node_requests.cpp: what is heard.
  PeerReply handle(const PeerRequest& request);
  PeerReply take_push(const PeerRequest& request);
  PeerReply take_sync(const PeerRequest& request);
  PeerReply give_records() const;
  PeerReply give_fact(const PeerRequest& request);
  PeerReply refuse(const Caller& caller, const Error& error);
  std::string call_body(CallKind kind) const;
  Exchange::Answered take_answer(const Caller& peer, CallKind kind, int status,
                                 const std::string& body);
  Exchange::Answered take_refusal(const Caller& peer, int status, const std::string& body);
  // Takes the peer's own record; the error is what it did wrong.
  Status take_self(const Caller& peer, NodeRecord record);
  void take_relayed(const std::string& from, std::vector<NodeRecord> records);
  SyncMessage answer_to(const SyncMessage& message) const;

  // node_needs.cpp: what is waited for.
  void refresh_needs();
  std::vector<Candidate> candidates() const;
  Json need_json(const Need& need, const NeedDecision& decision);
  bool add_facts(Json& json, const NeedDecision& decision);
  const SharedFact* value_of(const FactSource& source);
  void fetch(const FactSource& source);
  Json members_json() const;

  EventLoop& loop_;
  PeerConfig config_;
  Identity identity_;
  Roster roster_;
  std::string digest_key_;
  RecordBody body_;
  std::vector<SharedFact> facts_;
  std::vector<std::string> addresses_;
  std::uint64_t seq_ = 0;

  std::vector<Need> needs_;
  std::string needs_text_;
  FetchedFacts fetched_;
  struct Fetching {
    bool is_running = false;
    std::uint64_t retry_usec = 0;
    Problem problem;
    EventSource timer;
  };
  std::map<std::pair<std::string, std::string>, Fetching> fetching_;  // by owner and fact

  std::function<void()> needs_changed_, peers_changed_;
  EventSource refresh_;
  std::optional<HttpClient> client_;
  std::optional<Exchange> exchange_;
  std::unique_ptr<PeerServer> server_;
};

}  // namespace klubster
