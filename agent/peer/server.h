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
#include "peer/roster.h"

namespace klubster {

struct PeerRequest {
  Caller caller;  // as its certificate says; its chain to the cluster's authority is proven
  std::string method, path, body;
};

struct PeerReply {
  int status = 200;
  std::string body;  // JSON
};

struct ServerCredentials {
  std::string authority_pem, certificate_pem, key_pem;
};

struct ServerLimits {
  std::uint64_t deadline_usec = 10'000'000;  // of a connection, from its first byte to its last
  std::size_t body_bytes = 64 * 1024;
  unsigned connections = 64;
  unsigned connections_per_address = 8;
};

class PeerServer {
 public:
  using Handler = std::function<PeerReply(const PeerRequest&)>;
  // Somebody was turned away before a request of theirs was heard.
  using Refused = std::function<void(const std::string& address, const Problem& problem)>;

  // Listens at `listen` (port 0: any free one). kUnavailable, reason "ConnectFailed", when the
  // address cannot be had. `loop` must outlive the server.
  static Result<std::unique_ptr<PeerServer>> create(EventLoop& loop, const HostPort& listen,
                                                    const ServerCredentials& credentials,
                                                    ServerLimits limits, Handler handler,
                                                    Refused refused);
  ~PeerServer();
  std::uint16_t port() const;

 private:
  class State;
  explicit PeerServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace klubster
