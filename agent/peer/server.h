// The HTTPS side that peers call: TLS 1.3, certificates on both ends, bounds on everything
// (peers.md, "Exchange"). The only home of libmicrohttpd and GnuTLS.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "linux/event_loop.h"
#include "peer/config.h"
#include "peer/credentials.h"
#include "peer/roster.h"

namespace klubster {

struct PeerRequest {
  Caller caller;  // as its certificate says; its chain to the cluster's authority is proven.
                  // Without a name: a local caller that has none
  std::string method, path, body;
  bool is_local = false;  // calls from this very machine; then it may be without a certificate
};

struct PeerReply {
  int status = 200;
  std::string body;
  const char* type = "application/json";
};

struct ServerLimits {
  std::uint64_t deadline_usec = 10'000'000;  // of a request, from its first byte to its last, its
                                             // connection's handshake included
  std::size_t body_bytes = 64 * 1024;
  unsigned connections = 64;
  unsigned connections_per_address = 8;
  // Of these, those that wait for another request of a caller whom one was answered.
  unsigned kept = 16;
  unsigned kept_per_address = 4;
  std::uint64_t idle_usec = 300'000'000;
};

class PeerServer {
 public:
  using Handler = std::function<PeerReply(const PeerRequest&)>;
  // Somebody was turned away before a request of theirs was heard.
  using Refused = std::function<void(const std::string& address, const Problem& problem)>;

  // Listens at `listen` (port 0: any free one). kUnavailable, reason "ConnectFailed", when the
  // address cannot be had. `loop` must outlive the server.
  static Result<std::unique_ptr<PeerServer>> create(EventLoop& loop, const HostPort& listen,
                                                    const PeerCredentials& credentials,
                                                    ServerLimits limits, Handler handler,
                                                    Refused refused);
  ~PeerServer();
  std::uint16_t port() const;
  // That were taken since the start.
  std::uint64_t connections() const;
  // Serves on with others. Who is being served now is cut off and calls again. kInternal: with
  // those that it had.
  Status renew(const PeerCredentials& credentials);

 private:
  class State;
  explicit PeerServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace klubster
