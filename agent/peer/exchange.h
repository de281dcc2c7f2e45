// The calling side: one mailbox per member that holds only what is newest, so that a peer that does
// not answer never holds up another (peers.md, "Exchange").
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "linux/event_loop.h"
#include "peer/config.h"
#include "peer/partners.h"
#include "peer/roster.h"
#include "peer/server.h"

namespace klubster {

enum class CallKind { kPush, kSync, kFollowUp };

struct ExchangeTimes {
  std::uint64_t sync_usec = 30'000'000;  // ± 20 %
  std::uint64_t first_retry_usec = 1'000'000;
  std::uint64_t last_retry_usec = 15'000'000;
  std::uint64_t connect_usec = 5'000'000;
  std::uint64_t call_usec = 10'000'000;
};

class Exchange {
 public:
  // What an answer led to: a problem counts as a failed call; a follow-up is sent at once.
  struct Answered {
    Problem problem;
    std::string follow_up;
  };
  // How the exchange asks the node.
  struct Node {
    std::function<std::string(const std::string& name, CallKind)> body;  // of the call to be made
    std::function<Answered(const Caller&, CallKind, int status, const std::string& body)> answered;
    // `address`: where it was called; nullptr: nowhere is known.
    std::function<void(const std::string& name, const HostPort* address, Problem)> failed;
    // Where to call, host:port, after so many calls in vain. nullopt: nowhere yet.
    std::function<std::optional<HostPort>(const std::string& name, std::size_t misses)> address;
    // It said goodbye: it calls us if it comes back.
    std::function<bool(const std::string& name)> has_left;
    std::function<void()> on_round;  // before each of the rounds every 30 s
  };

  Exchange(EventLoop& loop, HttpClient& client, std::shared_ptr<const HttpTls> tls,
           ExchangeTimes times, Node node, const std::vector<std::string>& members);

  // Asks everybody, then one each round.
  void start();
  // For the calls that begin from now on; none of them goes over a connection of before.
  void renew(std::shared_ptr<const HttpTls> tls);
  // Who is called from now on; new ones are asked at once.
  void set_members(const std::vector<std::string>& members);
  // The own record changed: everybody is told, within a second.
  void push_to_all();
  void sync_with(const std::string& name);
  // There is a new place to try: who failed is called at once.
  void retry(const std::string& name);
  void sync_with_all();
  // Whether everybody who answers has heard what there is to say.
  bool is_told() const;
  // Since the start.
  std::uint64_t calls() const { return calls_; }
  std::uint64_t failed_calls() const { return failed_calls_; }
  // The peer called us: it is there. After a whole exchange nothing is owed to it.
  void reached(const std::string& name, bool was_sync);

  // `done` gets the answer's body; never called from within. kUnavailable PeerUnreachable,
  // PeerTokenDiffers, …
  void fetch_fact(const std::string& owner, const std::string& fact,
                  std::function<void(Result<std::string>)> done);

 private:
  enum class Want { kNothing, kPush, kSync };
  struct Contact {
    Want want = Want::kNothing;
    bool is_running = false;
    std::uint64_t retry_usec = 0;  // of the last failure; 0: the last call went well
    std::size_t misses = 0;  // calls that nobody answered: each leads to the next of its places
    HttpTransfer transfer;
    EventSource timer;
  };

  void ask(const std::string& name, Want want, std::uint64_t delay_usec);
  void send(const std::string& name);
  void send_waiting();
  void call(const std::string& name, CallKind kind, std::string body);
  void ended(const std::string& name, CallKind kind, const HostPort& address,
             const HttpOutcome& outcome);
  void failed(const std::string& name, const HostPort* address, Problem problem);
  void next_round();
  HttpRequest request_to(const std::string& name, const HostPort& address, std::string_view path,
                         std::string_view port) const;
  std::uint64_t chance(std::uint64_t below_usec);

  EventLoop& loop_;
  HttpClient& client_;
  std::shared_ptr<const HttpTls> tls_;
  ExchangeTimes times_;
  Node node_;
  std::map<std::string, Contact, std::less<>> contacts_;
  std::size_t running_ = 0;
  std::deque<std::string> waiting_;  // to be called as soon as fewer run
  std::uint64_t calls_ = 0, failed_calls_ = 0;
  std::minstd_rand random_;
  Partners partners_;
  EventSource round_;
  std::map<std::uint64_t, HttpTransfer> fact_calls_;
  std::uint64_t next_fact_call_ = 1;
};

// A failed call in peers' words: TlsFailed of another authority is PeerTokenDiffers, …
Problem problem_of_call(const std::string& name, const Error& error);

}  // namespace klubster
