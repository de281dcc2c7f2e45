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
  std::string peer_certificate;                             // PEM, when want_peer_certificate

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

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of POST and PUT
  std::optional<HttpResume> resume;

  std::string ca_pem;           // the only authorities to trust; empty: the system's
  std::string client_cert_pem;  // with its key: for mutual TLS
  std::string client_key_pem;
  std::string connect_to;  // "NAME:PORT:HOST:PORT": who answers for the URL's name
  bool allow_http = false;
  bool require_tls13 = false;  // else TLS 1.2 is the least
  bool want_peer_certificate = false;
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

 private:
  class State;
  explicit HttpClient(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace klubster
