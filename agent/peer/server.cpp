// libmicrohttpd on our event loop, through its epoll descriptor.
#include "peer/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <list>

#include "base/json.h"
#include "base/text.h"
#include "linux/files.h"
#include "peer/server_tls.h"
#include "peer/wire.h"

namespace klubster {

namespace {

constexpr char kPriorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:%NO_TICKETS";
constexpr std::size_t kConnectionMemoryBytes = 16 * 1024;
// Beyond the limit, for those that are let in while make_room() ends others.
constexpr unsigned kSpareConnections = 16;
constexpr unsigned kHandshakeSeconds = 0;  // the absolute deadline is ours
constexpr std::uint64_t kWaitingUsec = 20'000;

struct PeerConnection {
  int fd = -1;
  std::string address;
  gnutls_session_t session = nullptr;  // gone once libmicrohttpd reports the close
  EventSource deadline;
  std::uint64_t deadline_usec = 0;  // for a request
  bool is_starved = false;          // all that came is read
  bool spoke_http = false;          // so the handshake was complete
  bool is_kept = false;             // for further requests
  bool is_idle = false;             // waits for one, of which nothing has come
  bool is_cut = false;              // by us, and nobody is to blame
  bool was_late = false;
  bool is_distrusted = false;  // the caller refused our certificate
  bool has_ended = false;      // the caller closed its side
  std::string last_bytes;      // as they came, before decryption
  Problem refusal;
};

// One HTTP request while it arrives.
struct PendingRequest {
  Caller caller;
  std::string body;
  bool is_too_large = false;
};

// What a client says that cannot follow our certificate to its own authority.
bool is_distrust(int alert) {
  return alert == GNUTLS_A_UNKNOWN_CA || alert == GNUTLS_A_BAD_CERTIFICATE ||
         alert == GNUTLS_A_CERTIFICATE_UNKNOWN || alert == GNUTLS_A_DECRYPT_ERROR;
}

// Reads for GnuTLS and looks on: OpenSSL, and so libcurl, sends the alert about an untrusted
// certificate in the clear, where TLS 1.3 has encryption; GnuTLS fails on it and does not tell.
ssize_t receive(gnutls_transport_ptr_t transport, void* data, std::size_t size) {
  constexpr std::size_t kAlertRecord = 7;  // type 21, version, length 2, level, description
  auto* connection = static_cast<PeerConnection*>(transport);
  const ssize_t count = ::recv(connection->fd, data, size, 0);
  connection->is_starved = count < 0 && errno == EAGAIN;
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) connection->has_ended = true;
  if (count > 0 && connection->is_idle) {
    connection->is_idle = false;
    connection->deadline.rearm(connection->deadline_usec);
  }
  if (count <= 0 || connection->spoke_http) return count;
  std::string& last = connection->last_bytes;
  last.append(static_cast<const char*>(data), static_cast<std::size_t>(count));
  if (last.size() > kAlertRecord) last.erase(0, last.size() - kAlertRecord);
  if (last.size() == kAlertRecord &&
      last.starts_with(std::string_view("\x15\x03\x03\x00\x02", 5)) &&
      is_distrust(static_cast<unsigned char>(last.back()))) {
    connection->is_distrusted = true;
  }
  return count;
}

std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "unknown";
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  const std::string_view view = text;
  return std::string(view.starts_with("::ffff:") ? view.substr(7) : view);
}

// Whether the connection comes from this machine: from loopback, or from the address it goes to.
bool is_local(const PeerConnection& peer) {
  sockaddr_storage own = {};
  socklen_t length = sizeof own;
  if (::getsockname(peer.fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return false;
  return peer.address == "::1" || peer.address.starts_with("127.") ||
         peer.address == address_text(reinterpret_cast<const sockaddr*>(&own));
}

// Dual stack for "::", so that one socket serves IPv4 too; plain IPv4 where there is no IPv6.
Result<UniqueFd> listen_at(const HostPort& listen) {
  const auto fail = [&](const char* what) {
    return Error(ErrorKind::kUnavailable, "ConnectFailed",
                 std::string(what) + ": " + std::strerror(errno))
        .in("listening for peers at " + to_text(listen))
        .hint("mend peering/listen, or free the port: ss -ltnp");
  };
  sockaddr_in v4 = {};
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(listen.port);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(listen.port);
  const bool is_v4 = ::inet_pton(AF_INET, listen.host.c_str(), &v4.sin_addr) == 1;
  const bool is_v6 = !is_v4 && ::inet_pton(AF_INET6, listen.host.c_str(), &v6.sin6_addr) == 1;
  if (!is_v4 && !is_v6) {
    errno = EINVAL;
    return fail("not an IP address");
  }
  UniqueFd fd(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd && is_v6 && listen.host == "::" && errno == EAFNOSUPPORT) {
    return listen_at({"0.0.0.0", listen.port});
  }
  if (!fd) return fail("socket");
  const int on = 1, off = 0;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // only a convenience
  // The configured address may come up later than this program.
  (void)::setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  if (is_v6) (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t length = is_v4 ? sizeof v4 : sizeof v6;
  if (::bind(fd.get(), address, length) != 0) return fail("bind");
  if (::listen(fd.get(), 64) != 0) return fail("listen");
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  return ntohs(address.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in*>(&address)->sin_port
                   : reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
}

MHD_Result answer(MHD_Connection* connection, const PeerReply& reply, bool keep) {
  MHD_Response* response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", reply.type);
  if (!keep) MHD_add_response_header(response, "Connection", "close");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return queued;
}

PeerReply refusal_reply(int status, const Problem& problem) {
  Json json = Json::object();
  json["reason"] = problem.reason;
  json["message"] = problem.message;
  return {status, json.dump()};
}

}  // namespace

class PeerServer::State {
 public:
  State(EventLoop& loop, ServerLimits limits, Handler handler, Refused refused)
      : loop_(loop), limits_(limits), handler_(std::move(handler)), refused_(std::move(refused)) {}
  ~State() { end(); }

  Status start(const HostPort& listen, const PeerCredentials& credentials);
  Status serve(const PeerCredentials& credentials);
  void end();
  std::uint16_t port() const { return port_; }
  std::uint64_t connections() const { return taken_; }

 private:
  void run();
  bool only_waits() const;
  MHD_Result handle(MHD_Connection* connection, const char* url, const char* method,
                    const char* data, std::size_t* data_size, void** context);
  MHD_Result begin(MHD_Connection* connection, const char* url, void** context);
  MHD_Result refuse(MHD_Connection* connection, int status, Problem problem);
  void opened(MHD_Connection* connection, void** socket_context);
  void make_room();
  bool may_keep(const PeerConnection& peer) const;
  void completed(MHD_Connection* connection);
  void closed(PeerConnection* connection);
  void collect_alerts();
  static PeerConnection* peer_of(MHD_Connection* connection);

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* data,
                               std::size_t* data_size, void** context) noexcept;
  static void on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code) noexcept;
  static void on_connection(void* self, MHD_Connection* connection, void** socket_context,
                            MHD_ConnectionNotificationCode code) noexcept;
  static void on_log(void* self, const char* format, va_list arguments) noexcept;

  EventLoop& loop_;
  ServerLimits limits_;
  Handler handler_;
  Refused refused_;
  CallerCheck check_;
  MHD_Daemon* daemon_ = nullptr;
  bool is_ending_ = false;
  UniqueFd listen_;  // outlives the library's daemons, so that no caller finds the port shut
  std::uint16_t port_ = 0;
  std::uint64_t taken_ = 0;
  std::list<PeerConnection> connections_;
  EventSource io_, again_;
};

Status PeerServer::State::start(const HostPort& listen, const PeerCredentials& credentials) {
  Result<UniqueFd> socket = listen_at(listen);
  if (!socket) return std::move(socket).error();
  listen_ = *std::move(socket);
  port_ = port_of(listen_.get());
  return serve(credentials);
}

void PeerServer::State::end() {
  is_ending_ = true;  // our own end is nobody's fault
  io_.cancel();
  again_.cancel();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
  is_ending_ = false;
}

Status PeerServer::State::serve(const PeerCredentials& credentials) {
  UniqueFd socket(::fcntl(listen_.get(), F_DUPFD_CLOEXEC, 0));
  if (!socket) return Error(ErrorKind::kInternal, "SetupFailed", std::strerror(errno));
  MHD_Daemon* const next = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ERROR_LOG | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, nullptr,
      nullptr, &State::on_request, this,                                     //
      MHD_OPTION_EXTERNAL_LOGGER, &State::on_log, this,                      //
      MHD_OPTION_LISTEN_SOCKET, socket.release(),                            //
      MHD_OPTION_HTTPS_PRIORITIES, kPriorities,                              //
      MHD_OPTION_HTTPS_MEM_TRUST, credentials.authority_pem.c_str(),         //
      MHD_OPTION_HTTPS_MEM_CERT, credentials.certificate_pem.c_str(),        //
      MHD_OPTION_HTTPS_MEM_KEY, credentials.key_pem.c_str(),                 //
      MHD_OPTION_CONNECTION_LIMIT, limits_.connections + kSpareConnections,  //
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits_.connections_per_address,   //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,            //
      MHD_OPTION_CONNECTION_TIMEOUT, kHandshakeSeconds,                      //
      MHD_OPTION_NOTIFY_CONNECTION, &State::on_connection, this,             //
      MHD_OPTION_NOTIFY_COMPLETED, &State::on_completed, this,               //
      MHD_OPTION_END);
  if (next == nullptr) {
    return Error(ErrorKind::kInternal, "SetupFailed",
                 "libmicrohttpd refused to serve at port " + std::to_string(port_));
  }
  end();
  check_ = {};
  daemon_ = next;
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  io_ = loop_.on_io(info->epoll_fd, EPOLLIN, [this](std::uint32_t) { run(); });
  return {};
}

void PeerServer::State::run() {
  MHD_run(daemon_);
  again_.cancel();
  MHD_UNSIGNED_LONG_LONG wait_milliseconds = 0;
  if (MHD_get_timeout(daemon_, &wait_milliseconds) != MHD_YES) return;
  std::uint64_t wait_usec = wait_milliseconds * 1000;
  if (only_waits()) wait_usec = std::max(wait_usec, kWaitingUsec);
  again_ = loop_.after(wait_usec, [this] { run(); });
}

// To the library a connection is ready all through its handshake, and wants to be run without end
// while that waits for the other side, whose bytes wake us anyway.
bool PeerServer::State::only_waits() const {
  return std::all_of(connections_.begin(), connections_.end(), [](const PeerConnection& one) {
    return one.is_starved && !one.has_ended && (one.is_idle || !one.spoke_http);
  });
}

PeerConnection* PeerServer::State::peer_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return static_cast<PeerConnection*>(info->socket_context);
}

void PeerServer::State::opened(MHD_Connection* connection, void** socket_context) {
  PeerConnection& peer = connections_.emplace_back();
  *socket_context = &peer;
  ++taken_;
  peer.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  peer.address = address_text(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
  peer.session = static_cast<gnutls_session_t>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
  gnutls_transport_set_ptr2(
      peer.session, &peer,
      reinterpret_cast<gnutls_transport_ptr_t>(static_cast<std::intptr_t>(peer.fd)));
  gnutls_transport_set_pull_function(peer.session, &receive);
  make_room();
  // The library's own timeout is one of inactivity: a byte per second would live for ever.
  peer.deadline_usec = limits_.deadline_usec;
  peer.deadline = loop_.after(limits_.deadline_usec, [&peer] {
    (peer.is_idle ? peer.is_cut : peer.was_late) = true;
    (void)::shutdown(peer.fd, SHUT_RDWR);  // may be gone already; the close is reported either way
  });
}

// Whoever says nothing holds a place only as long as nobody else wants it: with all places taken,
// the one that was kept longest goes, who calls anew; else who connected first and never spoke.
void PeerServer::State::make_room() {
  if (connections_.size() <= limits_.connections) return;
  for (PeerConnection& one : connections_) {
    if (!one.is_idle || one.is_cut) continue;
    one.is_cut = true;
    (void)::shutdown(one.fd, SHUT_RDWR);
    return;
  }
  for (PeerConnection& one : connections_) {
    if (one.spoke_http || one.was_late) continue;
    one.was_late = true;
    (void)::shutdown(one.fd, SHUT_RDWR);
    return;
  }
}

// Few, and few of one address, so that there is always room for others.
bool PeerServer::State::may_keep(const PeerConnection& peer) const {
  if (peer.is_kept) return true;
  unsigned kept = 0, from_there = 0;
  for (const PeerConnection& one : connections_) {
    if (!one.is_kept) continue;
    ++kept;
    if (one.address == peer.address) ++from_there;
  }
  return kept < limits_.kept && from_there < limits_.kept_per_address;
}

// The answer is sent: the next request has a deadline of its own, from its first byte on.
void PeerServer::State::completed(MHD_Connection* connection) {
  PeerConnection* peer = peer_of(connection);
  if (peer == nullptr || !peer->is_kept || peer->is_cut || peer->was_late) return;
  peer->is_idle = true;
  peer->deadline.rearm(limits_.idle_usec);
}

void PeerServer::State::closed(PeerConnection* connection) {
  Problem problem = connection->refusal;
  if (!problem && connection->was_late) {
    problem = {"TimedOut",
               connection->spoke_http
                   ? "took longer than " + duration_text(limits_.deadline_usec) + " for a request"
                   : "did not end its handshake in " + duration_text(limits_.deadline_usec) +
                         ", or before its place was needed"};
  } else if (!problem && connection->is_distrusted) {
    problem = {"PeerTokenDiffers",
               "the caller does not trust this node's certificate: it has another cluster's token"};
  } else if (!problem && !connection->spoke_http && !connection->has_ended) {
    problem = {"TlsFailed", "the caller speaks something else than TLS 1.3"};
  }
  const std::string address = connection->address;
  connections_.remove_if([&](const PeerConnection& one) { return &one == connection; });
  if (problem && !is_ending_) refused_(address, problem);
}

// For callers on other TLS stacks, whose alerts are encrypted: libmicrohttpd tells that a handshake
// failed only by a log line, but at that moment the session is still there: its last alert says
// whether the caller did not trust us.
void PeerServer::State::collect_alerts() {
  for (PeerConnection& connection : connections_) {
    if (connection.spoke_http || connection.session == nullptr) continue;
    const gnutls_alert_description_t alert = gnutls_alert_get(connection.session);
    if (is_distrust(alert)) connection.is_distrusted = true;
  }
}

MHD_Result PeerServer::State::refuse(MHD_Connection* connection, int status, Problem problem) {
  const PeerReply reply = refusal_reply(status, problem);
  peer_of(connection)->refusal = std::move(problem);
  return answer(connection, reply, false);
}

// The head has arrived: who calls, and how much wants to come.
MHD_Result PeerServer::State::begin(MHD_Connection* connection, const char* url, void** context) {
  PeerConnection* peer = peer_of(connection);
  peer->spoke_http = true;
  Result<Caller> caller = check_.identify(peer->session, peer->address);
  if (!caller && std::string_view(url) == kMetricsPath && is_local(*peer)) {
    caller = Caller{peer->address, "", ""};
  }
  if (!caller) {
    return refuse(connection, MHD_HTTP_FORBIDDEN,
                  {caller.error().reason(), caller.error().message()});
  }
  const char* length =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  const auto announced = length == nullptr ? std::uint64_t{0} : parse_number(length);
  if (!announced || *announced > limits_.body_bytes) {
    return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE,
                  {"TooLarge", caller->name + " sent a body of more than " +
                                   std::to_string(limits_.body_bytes) + " bytes"});
  }
  auto pending = std::make_unique<PendingRequest>();
  pending->caller = *std::move(caller);
  *context = pending.release();  // on_completed() frees it
  return MHD_YES;
}

MHD_Result PeerServer::State::handle(MHD_Connection* connection, const char* url,
                                     const char* method, const char* data, std::size_t* data_size,
                                     void** context) {
  if (*context == nullptr) return begin(connection, url, context);
  auto* pending = static_cast<PendingRequest*>(*context);
  if (*data_size > 0) {
    // Chunked bodies announce nothing: what is too much is dropped and refused at the end.
    if (pending->body.size() + *data_size > limits_.body_bytes) pending->is_too_large = true;
    if (pending->is_too_large) {
      pending->body.clear();
    } else {
      pending->body.append(data, *data_size);
    }
    *data_size = 0;
    return MHD_YES;
  }
  if (pending->is_too_large) {
    return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE,
                  {"TooLarge", pending->caller.name + " sent a body of more than " +
                                   std::to_string(limits_.body_bytes) + " bytes"});
  }
  PeerConnection* peer = peer_of(connection);
  const PeerReply reply =
      handler_({pending->caller, method, url, std::move(pending->body), is_local(*peer)});
  peer->is_kept = reply.status == MHD_HTTP_OK && !pending->caller.name.empty() && may_keep(*peer);
  return answer(connection, reply, peer->is_kept);
}

MHD_Result PeerServer::State::on_request(void* self, MHD_Connection* connection, const char* url,
                                         const char* method, const char*, const char* data,
                                         std::size_t* data_size, void** context) noexcept {
  auto* state = static_cast<State*>(self);
  MHD_Result result = MHD_NO;
  guard_handler(state->loop_.get(),
                [&] { result = state->handle(connection, url, method, data, data_size, context); });
  return result;
}

void PeerServer::State::on_completed(void* self, MHD_Connection* connection, void** context,
                                     MHD_RequestTerminationCode code) noexcept {
  delete static_cast<PendingRequest*>(*context);
  *context = nullptr;
  if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) return;
  auto* state = static_cast<State*>(self);
  guard_handler(state->loop_.get(), [&] { state->completed(connection); });
}

void PeerServer::State::on_connection(void* self, MHD_Connection* connection, void** socket_context,
                                      MHD_ConnectionNotificationCode code) noexcept {
  auto* state = static_cast<State*>(self);
  guard_handler(state->loop_.get(), [&] {
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      state->opened(connection, socket_context);
    } else if (*socket_context != nullptr) {
      state->closed(static_cast<PeerConnection*>(*socket_context));
      *socket_context = nullptr;
    }
  });
}

void PeerServer::State::on_log(void* self, const char*, va_list) noexcept {
  auto* state = static_cast<State*>(self);
  guard_handler(state->loop_.get(), [&] { state->collect_alerts(); });
}

PeerServer::PeerServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
PeerServer::~PeerServer() = default;

Status PeerServer::renew(const PeerCredentials& credentials) {
  return state_->serve(credentials);
}

std::uint16_t PeerServer::port() const {
  return state_->port();
}

std::uint64_t PeerServer::connections() const {
  return state_->connections();
}

Result<std::unique_ptr<PeerServer>> PeerServer::create(EventLoop& loop, const HostPort& listen,
                                                       const PeerCredentials& credentials,
                                                       ServerLimits limits, Handler handler,
                                                       Refused refused) {
  auto state = std::make_unique<State>(loop, limits, std::move(handler), std::move(refused));
  if (Status status = state->start(listen, credentials); !status) {
    return std::move(status).error();
  }
  return std::unique_ptr<PeerServer>(new PeerServer(std::move(state)));
}

}  // namespace klubster
