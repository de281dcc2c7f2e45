// Calling peers.
#include "peer/exchange.h"

#include <algorithm>
#include <set>

#include "base/digest.h"
#include "peer/wire.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxRunning = 16;
constexpr std::uint64_t kMilli = 1000;
constexpr std::uint64_t kCrowdedUsec = 100 * kMilli;
// The jitter of news: up to a second, less where few could come together.
constexpr std::uint64_t kMaxJitterUsec = 1000 * kMilli;
constexpr std::uint64_t kJitterPerPeerUsec = 20 * kMilli;
constexpr std::size_t kFactAnswerBytes = 256 * 1024;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

const char* path_of(CallKind kind) {
  return kind == CallKind::kPush ? kRecordsPath : kSyncPath;
}

}  // namespace

Problem problem_of_call(const std::string& name, const Error& error) {
  const std::string text = error.message();
  if (error.reason() == "ClockSuspect" || contains(text, "has expired")) {
    return {"PeerCertificate", name + " answers with a certificate that is of other days: " + text};
  }
  if (error.reason() == "TlsFailed") {
    if (contains(text, "subject name")) {
      return {"PeerCertificate", name + " answers with a certificate of another name: " + text};
    }
    if (contains(text, "certificate") || contains(text, "alert")) {
      return {"PeerTokenDiffers", name + " has a certificate of another cluster's token: " + text};
    }
  }
  return {"PeerUnreachable", "calling " + name + ": " + text};
}

Exchange::Exchange(EventLoop& loop, HttpClient& client, std::shared_ptr<const HttpTls> tls,
                   ExchangeTimes times, Node node, const std::vector<std::string>& members)
    : loop_(loop), client_(client), tls_(std::move(tls)), times_(times), node_(std::move(node)) {
  const std::string seed = random_bytes(4);
  random_.seed(static_cast<std::uint32_t>(std::hash<std::string>{}(seed)));
  for (const std::string& name : members)
    contacts_[name];
}

std::uint64_t Exchange::chance(std::uint64_t below_usec) {
  return std::uniform_int_distribution<std::uint64_t>(0, below_usec)(random_);
}

void Exchange::start() {
  for (const auto& [name, contact] : contacts_)
    ask(name, Want::kSync, chance(kJitterPerPeerUsec));
  if (contacts_.empty()) return;
  round_ = loop_.after(times_.sync_usec, [this] { next_round(); });
}

void Exchange::set_members(const std::vector<std::string>& members) {
  const std::set<std::string> wanted(members.begin(), members.end());
  std::erase_if(contacts_, [&](const auto& entry) {
    if (wanted.count(entry.first) != 0) return false;
    if (entry.second.is_running) --running_;
    return true;
  });
  for (const std::string& name : wanted) {
    if (!contacts_.try_emplace(name).second) continue;
    ask(name, Want::kSync, chance(kJitterPerPeerUsec));
  }
  send_waiting();  // who went may have been among those that run
  if (!round_ && !contacts_.empty()) {
    round_ = loop_.after(times_.sync_usec, [this] { next_round(); });
  }
}

void Exchange::renew(std::shared_ptr<const HttpTls> tls) {
  tls_ = std::move(tls);
  client_.renew();
}

void Exchange::next_round() {
  node_.on_round();
  std::vector<std::string> fit;
  for (const auto& [name, contact] : contacts_) {
    if (!node_.has_left(name) && contact.retry_usec == 0) fit.push_back(name);
  }
  if (const std::string name = partners_.next(fit, random_); !name.empty()) {
    ask(name, Want::kSync, 0);
  }
  const std::uint64_t fifth = times_.sync_usec / 5;
  round_ = loop_.after(times_.sync_usec - fifth + chance(2 * fifth), [this] { next_round(); });
}

void Exchange::push_to_all() {
  const std::uint64_t jitter =
      std::min(kMaxJitterUsec, kJitterPerPeerUsec * (contacts_.size() + 1));
  for (const auto& [name, contact] : contacts_)
    ask(name, Want::kPush, chance(jitter));
}

void Exchange::sync_with(const std::string& name) {
  ask(name, Want::kSync, 0);
}

void Exchange::retry(const std::string& name) {
  const auto found = contacts_.find(name);
  if (found == contacts_.end() || found->second.is_running) return;
  if (found->second.retry_usec == 0) return;
  found->second.timer = loop_.after(chance(kCrowdedUsec), [this, name] { send(name); });
}

void Exchange::sync_with_all() {
  for (const auto& [name, contact] : contacts_)
    ask(name, Want::kSync, chance(kJitterPerPeerUsec));
}

bool Exchange::is_told() const {
  return std::all_of(contacts_.begin(), contacts_.end(), [](const auto& entry) {
    const Contact& contact = entry.second;
    return contact.retry_usec > 0 || (!contact.is_running && contact.want == Want::kNothing);
  });
}

void Exchange::reached(const std::string& name, bool was_sync) {
  const auto found = contacts_.find(name);
  if (found == contacts_.end()) return;
  Contact& contact = found->second;
  const bool was_failing = contact.retry_usec > 0;
  contact.retry_usec = 0;
  if (contact.is_running) return;
  if (was_sync && was_failing) {
    contact.want = Want::kNothing;
    contact.timer.cancel();
  } else if (contact.want != Want::kNothing && was_failing) {
    contact.timer = loop_.after(chance(kCrowdedUsec), [this, name] { send(name); });
  }
}

// The mailbox: what is wanted already stands, and a sync includes a push.
void Exchange::ask(const std::string& name, Want want, std::uint64_t delay_usec) {
  const auto found = contacts_.find(name);
  if (found == contacts_.end() || node_.has_left(name)) return;
  Contact& contact = found->second;
  const bool is_waiting = contact.want != Want::kNothing;
  contact.want = std::max(contact.want, want);
  // A running call asks again at its end; a failing peer keeps its pace.
  if (is_waiting || contact.is_running || contact.retry_usec > 0) return;
  contact.timer = loop_.after(delay_usec, [this, name] { send(name); });
}

void Exchange::send(const std::string& name) {
  Contact& contact = contacts_.at(name);
  if (node_.has_left(name)) {
    contact.want = Want::kNothing;
    contact.retry_usec = 0;  // nothing is owed to it: when it is back it is called like anybody
  }
  if (contact.is_running || contact.want == Want::kNothing) return;
  if (running_ >= kMaxRunning) return waiting_.push_back(name);
  const CallKind kind = contact.want == Want::kSync ? CallKind::kSync : CallKind::kPush;
  contact.want = Want::kNothing;
  call(name, kind, node_.body(name, kind));
}

// In the order in which they came, but first those who answered last: where many are switched off
// together, each of them takes its place for seconds.
void Exchange::send_waiting() {
  const auto answers = [this](const std::string& name) {
    const auto found = contacts_.find(name);
    return found != contacts_.end() && found->second.retry_usec == 0;
  };
  while (running_ < kMaxRunning && !waiting_.empty()) {
    auto next = std::find_if(waiting_.begin(), waiting_.end(), answers);
    if (next == waiting_.end()) next = waiting_.begin();
    const std::string name = std::move(*next);
    waiting_.erase(next);
    if (contacts_.count(name) != 0) send(name);
  }
}

HttpRequest Exchange::request_to(const std::string& name, const HostPort& address,
                                 std::string_view path, std::string_view port) const {
  HttpRequest request;
  request.url = "https://" + name + ":" + std::string(port) + std::string(path);
  // The certificate is for the node's name: the address only says where to knock.
  request.connect_to = name + ":" + std::string(port) + ":" + to_text(address);
  request.tls = tls_;
  request.require_tls13 = true;
  request.connect_timeout_usec = times_.connect_usec;
  request.total_timeout_usec = times_.call_usec;
  request.max_response_bytes = kPeerBodyBytes;
  return request;
}

void Exchange::call(const std::string& name, CallKind kind, std::string body) {
  Contact& contact = contacts_.at(name);
  const std::optional<HostPort> address = node_.address(name, contact.misses);
  if (!address) {
    failed(name, nullptr,
           {"PeerUnreachable",
            "no address of " + name + " is known: set members/" + name + "/address"});
    return;
  }
  HttpRequest request = request_to(name, *address, path_of(kind), kPeeringPort);
  request.method = "POST";
  request.headers = {"Content-Type: application/json", "Accept:"};
  request.keep = partners_.contains(name);
  request.body = std::move(body);
  contact.is_running = true;
  ++running_;
  ++calls_;
  contact.transfer = client_.start(
      std::move(request), [this, name, kind, where = *address](const HttpOutcome& outcome) {
        ended(name, kind, where, outcome);
        send_waiting();
      });
}

void Exchange::ended(const std::string& name, CallKind kind, const HostPort& address,
                     const HttpOutcome& outcome) {
  Contact& contact = contacts_.at(name);
  contact.is_running = false;
  --running_;
  if (outcome.error) {
    ++contact.misses;
    return failed(name, &address, problem_of_call(name, *outcome.error));
  }
  const Caller peer{address.host, name, outcome.response.peer_key};
  Answered answered = node_.answered(peer, kind, outcome.response.status, outcome.response.body);
  if (answered.problem) return failed(name, &address, std::move(answered.problem));
  contact.retry_usec = 0;
  if (!answered.follow_up.empty()) {
    return call(name, CallKind::kFollowUp, std::move(answered.follow_up));
  }
  if (contact.want != Want::kNothing) {
    contact.timer = loop_.after(chance(kJitterPerPeerUsec), [this, name] { send(name); });
  }
}

void Exchange::failed(const std::string& name, const HostPort* address, Problem problem) {
  ++failed_calls_;
  Contact& contact = contacts_.at(name);
  if (node_.has_left(name)) {
    contact.retry_usec = 0;
    contact.want = Want::kNothing;
    return node_.failed(name, address, std::move(problem));
  }
  contact.retry_usec = contact.retry_usec == 0
                           ? times_.first_retry_usec
                           : std::min(2 * contact.retry_usec, times_.last_retry_usec);
  // Once it is back, both sides may have missed something.
  contact.want = Want::kSync;
  const std::uint64_t delay = contact.retry_usec * 4 / 5 + chance(contact.retry_usec * 2 / 5);
  contact.timer = loop_.after(delay, [this, name] { send(name); });
  node_.failed(name, address, std::move(problem));
}

void Exchange::fetch_fact(const std::string& owner, const std::string& fact,
                          std::function<void(Result<std::string>)> done) {
  const auto contact = contacts_.find(owner);
  const std::size_t misses = contact == contacts_.end() ? 0 : contact->second.misses;
  const std::optional<HostPort> address = node_.address(owner, misses);
  const std::uint64_t id = next_fact_call_++;
  const auto finish = [this, id, owner, misses,
                       done = std::move(done)](const HttpOutcome& outcome) {
    fact_calls_.erase(id);
    if (outcome.error) {
      const auto its = contacts_.find(owner);
      if (its != contacts_.end() && its->second.misses == misses) ++its->second.misses;
      const Problem problem = problem_of_call(owner, *outcome.error);
      return done(Error(ErrorKind::kUnavailable, problem.reason, problem.message));
    }
    if (outcome.response.status != 200) {
      const Refused refused = parse_refused(outcome.response.status, outcome.response.body);
      return done(Error(ErrorKind::kUnavailable, refused.problem.reason,
                        owner + " answers: " + refused.problem.message));
    }
    done(outcome.response.body);
  };
  HttpRequest request =
      request_to(owner, address.value_or(HostPort{owner, 9446}), kFactsPath + fact, kPeeringPort);
  request.max_response_bytes = kFactAnswerBytes;
  fact_calls_[id] = client_.start(std::move(request), finish);
}

}  // namespace klubster
