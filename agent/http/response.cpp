// Reading a response: its headers, and what its status means.
#include <curl/curl.h>

#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "http/client.h"

namespace klubster {

namespace {

constexpr std::uint64_t kLongestRetrySeconds = 86'400;
constexpr std::size_t kShownBodyBytes = 160;

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string_view HttpResponse::strong_validator() const {
  const auto etag = header("etag");
  const bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  if (!quoted || etag.size() > 512) return {};
  const auto inside = etag.substr(1, etag.size() - 2);
  const bool plain = std::all_of(inside.begin(), inside.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f && c != '"'; });
  return plain ? etag : std::string_view();
}

std::optional<std::uint64_t> HttpResponse::retry_after_seconds() const {
  const auto text = trim(header("retry-after"));
  if (text.empty()) return std::nullopt;
  if (const auto seconds = parse_number(text)) return std::min(*seconds, kLongestRetrySeconds);
  const std::time_t date = ::curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const std::time_t now = std::time(nullptr);
  if (date <= now) return 0;
  return std::min(static_cast<std::uint64_t>(date - now), kLongestRetrySeconds);
}

std::optional<ContentRange> HttpResponse::content_range() const {
  constexpr std::string_view kUnit = "bytes ";
  const auto text = header("content-range");
  if (!text.starts_with(kUnit) || header("content-type").starts_with("multipart/")) {
    return std::nullopt;
  }
  const auto rest = text.substr(kUnit.size());
  const auto dash = rest.find('-'), slash = rest.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto start = parse_number(rest.substr(0, dash));
  const auto last = parse_number(rest.substr(dash + 1, slash - dash - 1));
  const auto total = parse_number(rest.substr(slash + 1));
  if (!start || !last || *last < *start) return std::nullopt;
  if (rest.substr(slash + 1) != "*" && (!total || *last >= *total)) return std::nullopt;
  return ContentRange{*start, *last, total};
}

std::optional<std::uint64_t> HttpResponse::content_length() const {
  if (!header("transfer-encoding").empty()) return std::nullopt;  // RFC 9112 6.3: that one counts
  return parse_number(header("content-length"));
}

Status check_http_status(const HttpResponse& response, std::string_view url) {
  if (response.success()) return {};
  const int status = response.status;
  const bool passing = status == 408 || status == 425 || status == 429 || status >= 500;
  std::string message = "the server answered with status " + std::to_string(status);
  const auto line = trim(std::string_view(response.body).substr(0, response.body.find('\n')));
  const bool plain = response.header("content-type").starts_with("text/plain") ||
                     response.header("content-type").empty();
  if (!line.empty() && plain) message += ": " + printable(line, kShownBodyBytes);
  return Error(passing ? ErrorKind::kUnavailable : ErrorKind::kInvalid, "HttpStatus", message)
      .in(printable(url));
}

}  // namespace klubster
