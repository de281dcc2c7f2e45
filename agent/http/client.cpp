// libcurl's multi interface on our event loop.
#include "http/client.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <stdexcept>
#include <unordered_map>

#include "base/digest.h"
#include "http/transfer.h"

namespace klubster {

namespace {

constexpr long kKeptConnections = 16;

void demand(CURLMcode code, const char* what) {
  if (code != CURLM_OK) {
    throw std::runtime_error(std::string("libcurl: ") + what + ": " + curl_multi_strerror(code));
  }
}

std::uint32_t epoll_events_of(int what) {
  std::uint32_t events = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
  return events;
}

int ready_mask(std::uint32_t events) {
  int mask = 0;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) mask |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
  if ((events & EPOLLERR) != 0) mask |= CURL_CSELECT_ERR;
  return mask;
}

}  // namespace

// Shared with the handles of running transfers, which may outlive the client.
class HttpClient::State : public std::enable_shared_from_this<HttpClient::State> {
 public:
  explicit State(EventLoop& loop) : loop_(loop), multi_(curl_multi_init()) {}
  ~State() { close(); }

  Status open();
  void close();
  HttpTransfer start(HttpRequest request, std::function<void(HttpOutcome)> done);
  void cancel(std::uint64_t id);
  // Ends with the last transfer.
  void retire();
  bool has_ended() const { return multi_ == nullptr; }

 private:
  struct FreeMulti {
    void operator()(CURLM* multi) const { (void)curl_multi_cleanup(multi); }
  };

  void act(curl_socket_t socket, int mask);
  void drain();
  void deliver_refusal(std::uint64_t id, Error error, std::function<void(HttpOutcome)> done);
  void watch_socket(curl_socket_t socket, int what);
  void set_timer(long milliseconds);
  std::unique_ptr<Transfer> remove(std::uint64_t id);

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int on_timer(CURLM*, long milliseconds, void* self) noexcept;

  EventLoop& loop_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
  std::unordered_map<CURL*, std::uint64_t> ids_;
  std::unordered_map<std::uint64_t, EventSource> refusals_;  // requests that never began
  std::unordered_map<curl_socket_t, EventSource> sockets_;
  EventSource timer_;
  bool is_retired_ = false;
};

Status HttpClient::State::open() {
  if (multi_ == nullptr)
    return Error(ErrorKind::kInternal, "SystemCallFailed", "libcurl: no memory");
  CURLM* multi = multi_.get();
  demand(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket), "socket function");
  demand(curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this), "socket data");
  demand(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::on_timer), "timer function");
  demand(curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this), "timer data");
  demand(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kKeptConnections), "kept connections");
  return {};
}

void HttpClient::State::close() {
  while (!transfers_.empty())
    (void)remove(transfers_.begin()->first);
  refusals_.clear();
  multi_.reset();
  sockets_.clear();
  timer_.cancel();
}

HttpTransfer HttpClient::State::start(HttpRequest request, std::function<void(HttpOutcome)> done) {
  const std::uint64_t id = next_id_++;
  auto transfer = Transfer::create(std::move(request), done, loop_.get());
  if (!transfer) {
    deliver_refusal(id, std::move(transfer.error()), std::move(done));
  } else {
    CURL* easy = (*transfer)->handle();
    ids_[easy] = id;
    transfers_[id] = std::move(*transfer);
    demand(curl_multi_add_handle(multi_.get(), easy), "add handle");
  }
  const std::weak_ptr<State> weak = weak_from_this();
  return HttpTransfer(std::shared_ptr<void>(this, [weak, id](void*) {
    if (const auto state = weak.lock()) state->cancel(id);
  }));
}

void HttpClient::State::deliver_refusal(std::uint64_t id, Error error,
                                        std::function<void(HttpOutcome)> done) {
  HttpOutcome outcome;
  outcome.error = std::move(error);
  refusals_[id] = loop_.soon([this, id, outcome, done = std::move(done)] {
    refusals_.erase(id);
    done(outcome);
  });
}

void HttpClient::State::cancel(std::uint64_t id) {
  refusals_.erase(id);
  const auto found = transfers_.find(id);
  // From within its own sink: libcurl forbids it; the sink's return value ends the transfer.
  if (found != transfers_.end() && found->second->inside_callback()) {
    found->second->abandon();
  } else if (found != transfers_.end()) {
    (void)remove(id);
  }
  if (is_retired_) retire();  // perhaps it was the last
}

std::unique_ptr<Transfer> HttpClient::State::remove(std::uint64_t id) {
  const auto found = transfers_.find(id);
  std::unique_ptr<Transfer> transfer = std::move(found->second);
  transfers_.erase(found);
  ids_.erase(transfer->handle());
  demand(curl_multi_remove_handle(multi_.get(), transfer->handle()), "remove handle");
  return transfer;
}

void HttpClient::State::act(curl_socket_t socket, int mask) {
  const auto self = shared_from_this();  // a `done` may let go of the client
  int running = 0;
  demand(curl_multi_socket_action(multi_.get(), socket, mask, &running), "socket action");
  drain();
  if (is_retired_) retire();
}

void HttpClient::State::retire() {
  is_retired_ = true;
  if (transfers_.empty() && refusals_.empty()) close();
}

// All messages, not one: the next wake-up may never come (library-facts 5.5).
void HttpClient::State::drain() {
  int left = 0;
  while (multi_ != nullptr) {
    const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
    if (message == nullptr) return;
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    const auto found = ids_.find(message->easy_handle);
    if (found == ids_.end()) continue;
    const std::uint64_t id = found->second;
    HttpOutcome outcome = transfers_.at(id)->conclude(code);
    const auto transfer = remove(id);
    if (transfer->abandoned()) continue;
    const auto done = transfer->take_done();
    if (done) done(std::move(outcome));
  }
}

void HttpClient::State::watch_socket(curl_socket_t socket, int what) {
  if (what == CURL_POLL_REMOVE) {
    sockets_.erase(socket);
    return;
  }
  const std::uint32_t events = epoll_events_of(what);
  const auto found = sockets_.find(socket);
  if (found != sockets_.end()) {
    found->second.watch(events);
    return;
  }
  sockets_[socket] = loop_.on_io(
      socket, events, [this, socket](std::uint32_t ready) { act(socket, ready_mask(ready)); });
}

void HttpClient::State::set_timer(long milliseconds) {
  if (milliseconds < 0) return timer_.cancel();
  const auto usec = static_cast<std::uint64_t>(milliseconds) * 1000;
  if (timer_) return timer_.rearm(usec);
  timer_ = loop_.after(usec, [this] { act(CURL_SOCKET_TIMEOUT, 0); });
}

int HttpClient::State::on_socket(CURL*, curl_socket_t socket, int what, void* self,
                                 void*) noexcept {
  auto* state = static_cast<State*>(self);
  guard_handler(state->loop_.get(), [&] { state->watch_socket(socket, what); });
  return 0;
}

int HttpClient::State::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  auto* state = static_cast<State*>(self);
  guard_handler(state->loop_.get(), [&] { state->set_timer(milliseconds); });
  return 0;
}

Result<HttpClient> HttpClient::create(EventLoop& loop) {
  start_crypto();  // before libcurl starts libssl: no configuration file is read
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Error(ErrorKind::kInternal, "SystemCallFailed", "libcurl cannot start");
  }
  HttpClient client(loop);
  if (const auto opened = client.state_->open(); !opened) return opened.error();
  return client;
}

HttpClient::HttpClient(EventLoop& loop) : loop_(&loop), state_(std::make_shared<State>(loop)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

HttpClient::~HttpClient() {
  if (state_ != nullptr) state_->close();
  for (const auto& former : former_)
    former->close();
}

// libcurl has no word for it: what runs goes on under another handle of its own.
void HttpClient::renew() {
  auto state = std::make_shared<State>(*loop_);
  if (!state->open()) throw std::bad_alloc();
  state_->retire();
  std::erase_if(former_, [](const auto& former) { return former->has_ended(); });
  if (!state_->has_ended()) former_.push_back(std::move(state_));
  state_ = std::move(state);
}

HttpTransfer HttpClient::start(HttpRequest request, std::function<void(HttpOutcome)> done) {
  return state_->start(std::move(request), std::move(done));
}

}  // namespace klubster
