// Setting up one exchange and receiving it.
#include "http/transfer.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"
#include "base/version.h"

namespace klubster {

namespace {

constexpr std::size_t kErrorBodyBytes = 4096;
constexpr std::size_t kHeaderBytes = 64 * 1024;
constexpr long kMaxConnectionSeconds = 300;  // a certificate is looked at again at least so often
// Of those with HttpRequest::keep: dates are looked at with each answer.
constexpr long kMaxKeptSeconds = 900, kMaxIdleSeconds = 240;

template <typename T>
void set(CURL* handle, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  if (code != CURLE_OK) {
    throw std::runtime_error("libcurl: option " + std::to_string(option) + ": " +
                             curl_easy_strerror(code));
  }
}

// libcurl copies the text. `text` may be binary, so no terminating NUL is counted on.
void set_blob(CURL* handle, CURLoption option, const std::string& text) {
  curl_blob blob = {};
  blob.data = const_cast<char*>(text.data());  // only read
  blob.len = text.size();
  blob.flags = CURL_BLOB_COPY;
  set(handle, option, &blob);
}

long milliseconds(std::uint64_t usec) {
  return static_cast<long>(std::min<std::uint64_t>((usec + 999) / 1000, 1'000'000'000));
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return is_alphanumeric(c) || c == '-'; });
}

}  // namespace

Transfer::Transfer(HttpRequest request, std::function<void(HttpOutcome)> done, sd_event* event)
    : request_(std::move(request)),
      done_(std::move(done)),
      event_(event),
      handle_(curl_easy_init()) {
  if (handle_ == nullptr) throw std::bad_alloc();
}

Transfer::~Transfer() = default;

Result<std::unique_ptr<Transfer>> Transfer::create(HttpRequest request,
                                                   std::function<void(HttpOutcome)> done,
                                                   sd_event* event) {
  std::unique_ptr<Transfer> transfer(new Transfer(std::move(request), std::move(done), event));
  if (const auto checked = transfer->check(); !checked) return checked.error();
  transfer->set_up();
  return transfer;
}

// What would otherwise end as a second header, or as a request that nobody asked for.
Status Transfer::check() const {
  const auto refuse = [&](std::string why) {
    return Error(ErrorKind::kInvalid, "BadValue", std::move(why)).in(printable(request_.url));
  };
  const bool http = request_.url.starts_with("http://");
  if (!http && !request_.url.starts_with("https://")) return refuse("expected an https:// URL");
  if (http && !request_.allow_http) {
    return refuse("plain http is only for a pinned digest or this machine itself")
        .hint("use https://, or set profile/sha256");
  }
  if (!is_one_line(request_.url) || request_.url.find(' ') != std::string::npos ||
      request_.url.size() > 8192) {
    return refuse("the URL holds spaces or control characters, or is too long");
  }
  if (!is_word(request_.method)) return refuse("the method is not a word");
  for (const auto& header : request_.headers) {
    if (!is_one_line(header) || !is_word(header.substr(0, header.find(':')))) {
      return refuse("a header is not of the form Name: value");
    }
  }
  if (request_.resume && !is_one_line(request_.resume->validator)) {
    return refuse("the validator holds control characters");
  }
  return {};
}

void Transfer::set_up() {
  CURL* easy = handle();
  set(easy, CURLOPT_URL, request_.url.c_str());
  set(easy, CURLOPT_PRIVATE, this);
  set(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy, CURLOPT_WRITEDATA, this);
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy, CURLOPT_HEADERDATA, this);
  set(easy, CURLOPT_USERAGENT, (std::string("klubster/") + std::string(kVersion)).c_str());
  set_safety();
  set_tls();
  set_method();
  set_limits();
}

// library-facts 5.5: every default of the library that is too open.
void Transfer::set_safety() {
  CURL* easy = handle();
  set(easy, CURLOPT_PROTOCOLS_STR, request_.allow_http ? "http,https" : "https");
  const bool from_http = request_.url.starts_with("http://");
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, from_http ? "http,https" : "https");
  set(easy, CURLOPT_FOLLOWLOCATION, request_.max_redirects > 0 ? 1L : 0L);
  set(easy, CURLOPT_MAXREDIRS, static_cast<long>(request_.max_redirects));
  set(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
  set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(easy, CURLOPT_PROXY, "");  // "" also switches the environment's proxies off
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_MAXLIFETIME_CONN, kMaxConnectionSeconds);
}

void Transfer::set_tls() {
  CURL* easy = handle();
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy, CURLOPT_SSLVERSION,
      static_cast<long>(request_.require_tls13 ? CURL_SSLVERSION_TLSv1_3
                                               : CURL_SSLVERSION_TLSv1_2));
  if (!request_.ca_pem.empty()) {
    set_blob(easy, CURLOPT_CAINFO_BLOB, request_.ca_pem);
    // The blob replaces the file of authorities, but not the system's directory of them.
    set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  if (request_.tls != nullptr) {
    set(easy, CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set(easy, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_tls_context);
    set(easy, CURLOPT_SSL_CTX_DATA, this);
    // The library tells connections and sessions apart by the options that it knows, and this is
    // none of them: HttpClient::renew().
    set(easy, CURLOPT_FORBID_REUSE, request_.keep ? 0L : 1L);
    set(easy, CURLOPT_MAXLIFETIME_CONN, kMaxKeptSeconds);
    set(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
    set(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    // 7.87 and later keep the authorities of one connection for all others of the same options.
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
  }
  if (!request_.source_address.empty()) {
    set(easy, CURLOPT_INTERFACE, ("host!" + request_.source_address).c_str());
  }
  if (!request_.connect_to.empty()) {
    connect_to_.reset(curl_slist_append(nullptr, request_.connect_to.c_str()));
    set(easy, CURLOPT_CONNECT_TO, connect_to_.get());
  }
}

void Transfer::set_method() {
  CURL* easy = handle();
  std::vector<std::string> lines = request_.headers;
  if (request_.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET") {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDS, request_.body.data());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    lines.emplace_back("Expect:");  // no round trip before the body
    const bool typed = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.starts_with("Content-Type:");
    });
    if (!typed) lines.emplace_back("Content-Type: application/octet-stream");
  }
  // As headers of ours: with its own option the library takes a whole answer for an error.
  if (request_.resume && request_.resume->offset > 0) {
    lines.push_back("Range: bytes=" + std::to_string(request_.resume->offset) + "-");
    lines.push_back("If-Range: " + request_.resume->validator);
  }
  if (request_.tls != nullptr && !request_.keep) lines.emplace_back("Connection: close");
  for (const auto& line : lines) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)headers_.release();  // now a part of `longer`
    headers_.reset(longer);
  }
  if (headers_ != nullptr) set(easy, CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::set_limits() {
  CURL* easy = handle();
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout_usec));
  if (request_.total_timeout_usec > 0) {
    set(easy, CURLOPT_TIMEOUT_MS, milliseconds(request_.total_timeout_usec));
  }
  if (request_.low_speed_bytes_per_second > 0) {
    set(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(request_.low_speed_bytes_per_second));
    set(easy, CURLOPT_LOW_SPEED_TIME,
        std::max(1L, static_cast<long>(request_.low_speed_usec / 1'000'000)));
  }
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count,
                              void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  bool goes_on = false;
  transfer->inside_callback_ = true;
  guard_handler(transfer->event_, [&] { goes_on = transfer->take_body({data, size * count}); });
  transfer->inside_callback_ = false;
  return goes_on && !transfer->abandoned_ ? size * count : 0;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count,
                                void* self) noexcept {
  auto* transfer = static_cast<Transfer*>(self);
  bool goes_on = false;
  guard_handler(transfer->event_, [&] { goes_on = transfer->take_header({data, size * count}); });
  return goes_on ? size * count : 0;
}

// False ends the transfer; refusal_ or cut_ says why.
bool Transfer::take_body(std::string_view piece) {
  const int status = response_.status;
  response_.body_bytes += piece.size();
  if (!response_.success()) {
    response_.body += piece.substr(0, kErrorBodyBytes - response_.body.size());
    cut_ = response_.body.size() >= kErrorBodyBytes;
    return !cut_;
  }
  const auto announced = parse_number(response_.header("content-length"));
  if (response_.body_bytes > request_.max_response_bytes ||
      (announced && *announced > request_.max_response_bytes)) {
    refusal_ = Error(ErrorKind::kUntrusted, "TooLarge",
                     "the answer is larger than " + std::to_string(request_.max_response_bytes) +
                         " bytes" + (announced ? ", it has " + std::to_string(*announced) : ""))
                   .in(printable(request_.url));
    return false;
  }
  if (!request_.sink) {
    response_.body += piece;
    return true;
  }
  if (status != 200 && status != 206) return true;
  if (auto taken = request_.sink(response_, piece); !taken) {
    refusal_ = std::move(taken.error());
    return false;
  }
  return true;
}

// False ends the transfer: headers without end, which a server may send as trailers too.
bool Transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kHeaderBytes) {
    refusal_ = Error(ErrorKind::kUntrusted, "TooLarge",
                     "the headers of the answer are larger than " + std::to_string(kHeaderBytes) +
                         " bytes")
                   .in(printable(request_.url));
    return false;
  }
  if (line.starts_with("HTTP/")) {  // the next response: after a redirect or a 100
    response_.headers.clear();
    response_.body.clear();
    response_.body_bytes = 0;
    const auto parts = words(line);
    const auto status = parts.size() > 1 ? parse_number(parts[1], 999) : std::nullopt;
    response_.status = static_cast<int>(status.value_or(0));
    return request_.tls == nullptr || take_peer();
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string name(trim(line.substr(0, colon)));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  response_.headers[name] = std::string(trim(line.substr(colon + 1)));
  return true;
}

// While the connection is there: libcurl lets go of it before it says that it is done.
bool Transfer::take_peer() {
  curl_tlssessioninfo* session = nullptr;
  const CURLcode code = curl_easy_getinfo(handle(), CURLINFO_TLS_SSL_PTR, &session);
  const bool is_libssl = code == CURLE_OK && session != nullptr &&
                         session->backend == CURLSSLBACKEND_OPENSSL &&
                         session->internals != nullptr;
  if (!is_libssl) return true;  // who answers has no key, and is nobody
  if (!request_.tls->is_in_date(session->internals)) {
    refusal_ = Error(ErrorKind::kUnavailable, "TlsFailed",
                     "the certificate has expired since the connection was made")
                   .in(printable(request_.url));
    return false;
  }
  response_.peer_key = request_.tls->peer_key(session->internals);
  return true;
}

CURLcode Transfer::on_tls_context(CURL*, void* ssl_context, void* self) noexcept {
  const auto* transfer = static_cast<const Transfer*>(self);
  return transfer->request_.tls->use_in(ssl_context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

HttpOutcome Transfer::conclude(CURLcode code) {
  const char* url = nullptr;
  if (curl_easy_getinfo(handle(), CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != nullptr) {
    response_.effective_url = url;
  }
  HttpOutcome outcome;
  if (refusal_) {
    outcome.error = std::move(refusal_);
  } else if (code != CURLE_OK && !cut_) {
    outcome.error = classify(code);
  }
  outcome.response = std::move(response_);
  return outcome;
}

}  // namespace klubster
