// The HTTP client of klubster-fetch and klubster-peerd, and the only home of libcurl.
//
// The rules of trust.md "Downloads" hold for every request: https only unless allow_http, no
// proxy, no netrc, no credentials in URLs, no content encoding, certificates always verified,
// bytes counted by us.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "linux/event_loop.h"

namespace klubster {

// What a URL, and the certificates to trust, may come to.
inline constexpr std::size_t kMaxUrlBytes = 8192;
inline constexpr std::size_t kMaxCaBytes = 512 * 1024;

// "bytes START-LAST/TOTAL".
struct ContentRange {
  std::uint64_t start = 0, last = 0;
  std::optional<std::uint64_t> total;  // nullopt: "*"
};

// What came back. Also when the transfer failed half-way: then as far as it got.
struct HttpResponse {
  int status = 0;                                           // 0: no response yet
  std::map<std::string, std::string, std::less<>> headers;  // names in small letters, last wins
  std::string body;                                         // see HttpRequest::sink
  std::uint64_t body_bytes = 0;                             // received, sink or not
  std::string effective_url;                                // after redirects
  std::string peer_key;                                     // as HttpTls gives it

  bool success() const { return status >= 200 && status < 300; }
  // "" when the header is absent. `name` in small letters.
  std::string_view header(std::string_view name) const;
  // The ETag when it is strong, the only validator that a range request may use (RFC 9110 13.1.5).
  std::string_view strong_validator() const;
  // Retry-After in seconds (RFC 9110 10.2.3), capped at one day; a date counts from now.
  std::optional<std::uint64_t> retry_after_seconds() const;
  // What a 206 carries, by Content-Range; nullopt when that is missing, malformed or of several.
  std::optional<ContentRange> content_range() const;
  // The length that the header announces, when the body is as long as that.
  std::optional<std::uint64_t> content_length() const;
};

// Where a download goes on: sent as Range and If-Range together, so that a changed object comes
// whole (status 200), never mixed.
struct HttpResume {
  std::uint64_t offset = 0;
  std::string validator;  // a strong ETag with its quotes
};

// Certificates of a caller with mutual TLS that were parsed before.
class HttpTls {
 public:
  virtual ~HttpTls() = default;
  // Puts them into libssl's SSL_CTX of one connection; false: it refuses them.
  virtual bool use_in(void* ssl_context) const = 0;
  // The key of who answered, once proven, by libssl's SSL of the connection.
  virtual std::string peer_key(void* ssl) const = 0;
  // Whether what was proven when the connection was made is within its dates still.
  virtual bool is_in_date(void* ssl) const = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of POST and PUT
  std::optional<HttpResume> resume;

  std::string ca_pem;                  // the only authorities to trust; empty: the system's
  std::shared_ptr<const HttpTls> tls;  // instead of them, for mutual TLS
  // With `tls`: its connection serves later requests, which must have the very same `tls`, for some
  // minutes. See HttpClient::renew(). Else the server is asked to close it.
  bool keep = false;
  std::string connect_to;      // "NAME:PORT:HOST:PORT": who answers for the URL's name
  std::string source_address;  // of this machine, to call from; empty: whichever fits
  bool allow_http = false;
  bool require_tls13 = false;  // else TLS 1.2 is the least
  int max_redirects = 0;

  std::uint64_t max_response_bytes = 64 * 1024;
  std::uint64_t connect_timeout_usec = 15'000'000;  // name, connection and TLS handshake
  std::uint64_t total_timeout_usec = 0;             // 0: none
  std::uint64_t low_speed_bytes_per_second = 0;     // 0: none; slower than this …
  std::uint64_t low_speed_usec = 30'000'000;        // … for so long is SlowTransfer

  // Called with each piece of the body of a 200 or 206, never of any other status; an error ends
  // the transfer with that error. Without a sink the body is kept in HttpResponse::body. The body
  // of another status is kept there up to 4 KiB either way, for messages.
  std::function<Status(const HttpResponse&, std::string_view piece)> sink;
};

// An exchange that ended. `error` is empty when a whole response came, whatever its status.
struct HttpOutcome {
  HttpResponse response;
  std::optional<Error> error;
};

// The error of a response whose status is not 2xx: kUnavailable, reason "HttpStatus", for 408, 425,
// 429 and 5xx, else kInvalid; with the first line of the body when it is plain text.
Status check_http_status(const HttpResponse& response, std::string_view url);

// A running exchange. When this handle goes, the exchange ends and its `done` is never called.
class HttpTransfer {
 public:
  HttpTransfer() = default;
  explicit HttpTransfer(std::shared_ptr<void> token) : token_(std::move(token)) {}
  explicit operator bool() const { return token_ != nullptr; }
  void cancel() { token_.reset(); }

 private:
  std::shared_ptr<void> token_;
};

// Exchanges over libcurl's multi interface on our event loop; connections are kept and used again.
class HttpClient {
 public:
  // kInternal when libcurl cannot start. `loop` must outlive the client.
  static Result<HttpClient> create(EventLoop& loop);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // `done` is called once, from the loop, never from within start(). It may start and cancel
  // transfers. Errors of the outcome:
  //   kInvalid      BadValue       the request itself: URL, header, certificate
  //   kUnavailable  NameLookup, ConnectFailed, TlsFailed, ClockSuspect (not valid yet), WrongSize
  //   kTimeout      SlowTransfer   too slow, or longer than total_timeout_usec
  //   kUntrusted    TooLarge       more than max_response_bytes
  //   and what the sink returned
  [[nodiscard]] HttpTransfer start(HttpRequest request, std::function<void(HttpOutcome)> done);
  // Kept connections serve no request any more, and those that are in use none after this one: to
  // be called before a request with another `tls`.
  void renew();

 private:
  class State;
  explicit HttpClient(EventLoop& loop);
  EventLoop* loop_;
  std::shared_ptr<State> state_;
  std::vector<std::shared_ptr<State>> former_;  // transfers of before renew()
};

}  // namespace klubster
