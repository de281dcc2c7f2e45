// What a failed exchange means: libcurl's many codes as the few classes of trust.md.
#include <string>

#include "base/text.h"
#include "http/transfer.h"

namespace klubster {

namespace {

// OpenSSL's X509_V_ERR_*, as CURLINFO_SSL_VERIFYRESULT gives them. Only this one hints at a clock:
// an expired certificate is mostly just that.
constexpr long kCertificateNotYetValid = 9;

bool is_https(const std::string& url) {
  return url.starts_with("https://");
}

long info(CURL* handle, CURLINFO which) {
  long value = 0;
  return curl_easy_getinfo(handle, which, &value) == CURLE_OK ? value : 0;
}

curl_off_t moment(CURL* handle, CURLINFO which) {
  curl_off_t value = 0;
  return curl_easy_getinfo(handle, which, &value) == CURLE_OK ? value : 0;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

std::string Transfer::detail(CURLcode code) const {
  const std::string_view text = trim(error_text_.data());
  return printable(text.empty() ? curl_easy_strerror(code) : text);
}

Error Transfer::classify_tls(const std::string& detail) const {
  if (info(handle(), CURLINFO_SSL_VERIFYRESULT) == kCertificateNotYetValid) {
    return {ErrorKind::kUnavailable, "ClockSuspect",
            "the server's certificate is not valid yet, so this machine's clock is probably "
            "behind: " +
                detail};
  }
  return {ErrorKind::kUnavailable, "TlsFailed", detail};
}

Error Transfer::classify(CURLcode code) const {
  const std::string text = detail(code);
  const bool answered = response_.status != 0;  // then a redirect is meant, which is the server's
  const auto make = [&](ErrorKind kind, const char* reason) {
    return Error(kind, reason, text).in(printable(request_.url));
  };
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:  // a user name in the URL
      if (contains(text, "HTTP/0.9") || contains(text, "HTTP version"))
        return make(ErrorKind::kUnavailable, "HttpStatus");
      return make(ErrorKind::kInvalid, answered ? "HttpStatus" : "BadValue");
    case CURLE_WEIRD_SERVER_REPLY:
      return make(ErrorKind::kUnavailable, "HttpStatus");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return make(ErrorKind::kUnavailable, "NameLookup");
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return make(ErrorKind::kInvalid, "TlsFailed");  // our own certificate, key or authorities
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return classify_tls(text).in(printable(request_.url));
    case CURLE_PARTIAL_FILE:
      return make(ErrorKind::kUnavailable, "WrongSize");
    case CURLE_FILESIZE_EXCEEDED:
      return make(ErrorKind::kUntrusted, "TooLarge");
    case CURLE_TOO_MANY_REDIRECTS:
      return make(ErrorKind::kInvalid, "HttpStatus");
    case CURLE_OPERATION_TIMEDOUT: {
      // Until the request is sent it was the connection that took too long.
      const auto ready =
          is_https(request_.url) ? CURLINFO_APPCONNECT_TIME_T : CURLINFO_CONNECT_TIME_T;
      const bool connected = moment(handle(), ready) > 0;
      return connected ? make(ErrorKind::kTimeout, "SlowTransfer")
                       : make(ErrorKind::kUnavailable, "ConnectFailed");
    }
    case CURLE_OUT_OF_MEMORY:
      // Also libcurl's word for a header line that is larger than its buffers.
      return make(ErrorKind::kUntrusted, "TooLarge");
    default:
      // With TLS 1.3 a server refuses our certificate only after the handshake.
      if (contains(text, "alert") || contains(text, "SSL routines")) {
        return classify_tls(text).in(printable(request_.url));
      }
      return make(ErrorKind::kUnavailable, "ConnectFailed");
  }
}

}  // namespace klubster
