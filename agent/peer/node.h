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
  std::uint64_t conflict_shown_usec = kConflictShownUsec;
};

class PeerNode {
 public:
  ~PeerNode();
  // Loads the identity, raises the incarnation (durable before anything is said), listens, asks
  // everybody. Errors: kIo (state directory), kUnavailable (listen address).
  static Result<std::unique_ptr<PeerNode>> create(EventLoop& loop, PeerConfig config,
                                                  PeerNodeOptions options);

  // Takes up a newer configuration without forgetting what was heard. False: it is another node's,
  // or listens elsewhere, so that only a new start will do. Errors as make_credentials(); then the
  // old one stays, and the daemon is told what is wrong with the newer one.
  Result<bool> reconfigure(PeerConfig config);

  // The newest word of the daemon; nothing happens when it is the old one.
  void publish(RecordBody body);
  // The complete set of facts that members may fetch.
  void set_facts(std::vector<SharedFact> facts);
  // The complete set of needs.
  void set_needs(std::vector<Need> needs);

  // Gives `name` to the machine that asked for it last, and tells everybody. Errors as
  // Roster::propose_replacement(); the answer is {"node","machine","address","by"}.
  Result<Json> replace(const std::string& name);
  // Called once everybody who answers has heard this node's goodbye, or after five seconds.
  void farewell(std::function<void()> told);

  // Where the member may be, as somebody on the network said; and that it is not there any more.
  void hint(const std::string& name, const HostPort& address);
  void forget_hint(const std::string& name, const HostPort& address);

  // What GetNeeds answers: {"needs":[…],"members":[…]}. Holds sensitive values.
  const std::string& needs_text() const { return needs_text_; }
  // The same, with what was heard a moment ago.
  const std::string& newest_needs_text() {
    if (refresh_) refresh();
    return needs_text_;
  }
  std::string metrics_text() const;
  // What GetPeers answers.
  std::string peers_text() const;

  // Called from the loop, after one or more changes.
  void on_needs_changed(std::function<void()> handler) { needs_changed_ = std::move(handler); }
  void on_peers_changed(std::function<void()> handler) { peers_changed_ = std::move(handler); }

  // What `from` passed on about somebody else.
  Result<Taken> take_hearsay(const std::string& from, NodeRecord record) {
    return roster_.accept_relayed(from, std::move(record), now_boottime_usec());
  }

  std::uint16_t port() const { return server_->port(); }
  const Roster& roster() const { return roster_; }

 private:
  PeerNode(EventLoop& loop, PeerConfig config, Identity identity, Pins pins,
           Replacements replacements);
  void remember_peers();
  void keep_soon();
  void keep() noexcept;
  Result<bool> take_config(PeerConfig config);
  bool is_said_of(const SharedFact& fact, const FactSource& source) const;
  Status start(const PeerNodeOptions& options);

  // node.cpp: what is said.
  void renew_record();
  bool go_beyond(RecordVersion seen);
  std::optional<HostPort> address_of(const std::string& name, std::size_t misses) const;
  void refresh_soon();
  void refresh();

  // node_addresses.cpp: where peers are.
  void note_failure(const std::string& name, const HostPort* address, Problem problem);
  bool is_distrusted(const std::string& name, const HostPort& address);
  // node_requests.cpp: what is heard.
  PeerReply handle(const PeerRequest& request);
  PeerReply take_push(const PeerRequest& request);
  PeerReply take_sync(const PeerRequest& request);
  PeerReply give_records() const;
  PeerReply give_fact(const PeerRequest& request);
  PeerReply refuse(const Caller& caller, const Error& error);
  std::string call_body(const std::string& name, CallKind kind);
  Exchange::Answered take_answer(const Caller& peer, CallKind kind, int status,
                                 const std::string& body);
  Exchange::Answered take_refusal(const Caller& peer, int status, const std::string& body);
  // Takes the peer's own record; the error is what it did wrong.
  Status take_self(const Caller& peer, NodeRecord record);
  void take_own_word(const std::string& from, const NodeRecord& record);
  void note_refusal(const std::string& from, const Error& error);
  void take_relayed(const std::string& from, std::vector<NodeRecord> records);

  // node_sync.cpp: what is compared.
  Exchange::Answered take_sync_answer(const Caller& peer, CallKind kind, const std::string& body);
  void take_replacements(const std::string& from, std::vector<Replacement> replacements);
  SyncMessage sync_message(const std::string& to) const;
  SyncMessage answer_to(const std::string& to, const SyncMessage& message) const;
  std::string follow_up_to(const std::string& to, const SyncMessage& answer, bool is_first);
  std::vector<Row> rows() const;
  bool is_at(const Caller& caller, const Edition& edition) const;
  void compare(const std::string& with, const SyncMessage& answer);
  void add_records(SyncMessage& message, const std::vector<std::string>& names) const;

  // node_needs.cpp: what is waited for.
  void refresh_needs();
  std::vector<Candidate> candidates() const;
  Json need_json(const Need& need, const NeedDecision& decision);
  bool add_facts(Json& json, const NeedDecision& decision);
  const SharedFact* value_of(const FactSource& source);
  void fetch(const FactSource& source);
  Json members_json() const;

  // node_forming.cpp: what the others say of the cluster's forming.
  Json forming_json() const;

  EventLoop& loop_;
  PeerConfig config_;
  Identity identity_;
  Roster roster_;
  std::string digest_key_;
  PeerCredentials credentials_;
  RecordBody body_;
  std::vector<SharedFact> facts_;
  std::vector<std::string> addresses_;
  std::uint64_t seq_ = 0;
  std::string own_text_;  // of the own record, as it is pushed
  std::uint64_t requests_ = 0;
  unsigned times_beyond_ = 0;  // what peers remember of this node, since our start
  std::uint64_t last_beyond_usec_ = 0;

  // What one peer and this node still owe each other after a comparison.
  struct Repair {
    std::vector<std::string> give, want;
    unsigned rounds = 0;
  };
  std::map<std::string, Repair> repairs_;  // by peer
  std::map<std::string, Edition> told_;    // what of this node the peer said that it has
  EventSource farewell_;
  Problem told_conflict_;   // Roster::own_conflict(), as the daemon was told
  Problem config_problem_;  // why the newest configuration was not taken up

  using Place = std::pair<std::string, std::string>;    // a name and "host:port"
  std::map<std::string, std::vector<HostPort>> hints_;  // by member
  std::map<Place, std::uint64_t> distrusted_;  // until when: who answered there was no peer

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
  std::string state_dir_;
  EventSource keep_;  // something was heard that is not on the disk yet
  EventSource refresh_;
  std::uint64_t refreshed_usec_ = 0;
  std::optional<HttpClient> client_;
  std::optional<Exchange> exchange_;
  std::unique_ptr<PeerServer> server_;
};

}  // namespace klubster
