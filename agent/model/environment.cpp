// The names that never reach a step, and the form of a value (trust.md, "Environment").
#include "model/environment.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxValueBytes = 32 * 1024;

constexpr std::array<std::string_view, 12> kDeniedNames = {
    "GCONV_PATH",    "GLIBC_TUNABLES",
    "LOCPATH",       "BASH_ENV",
    "ENV",           "IFS",
    "PATH",          "NODE_OPTIONS",
    "SHELLOPTS",     "NOTIFY_SOCKET",
    "INVOCATION_ID", "CREDENTIALS_DIRECTORY"};

// Families: the loader, interpreters and libraries read variables of these beginnings.
constexpr std::array<std::string_view, 13> kDeniedPrefixes = {
    "LD_",   "MALLOC_", "PYTHON",   "PERL5",     "RUBY",    "OPENSSL_", "SSL",
    "CURL_", "GIT_",    "SYSTEMD_", "WATCHDOG_", "LISTEN_", "KLUBSTER_"};

constexpr std::array<std::string_view, 2> kDeniedSuffixes = {"_PROXY", "_proxy"};

}  // namespace

bool is_variable_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  if (name[0] >= '0' && name[0] <= '9') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_denied_variable(std::string_view name) {
  return std::find(kDeniedNames.begin(), kDeniedNames.end(), name) != kDeniedNames.end() ||
         std::any_of(kDeniedPrefixes.begin(), kDeniedPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::any_of(kDeniedSuffixes.begin(), kDeniedSuffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

Status check_variable_value(std::string_view value, bool multiline) {
  const auto refuse = [](std::string why) {
    return Error(ErrorKind::kInvalid, "BadValue", std::move(why));
  };
  if (value.size() > kMaxValueBytes) {
    return refuse("expected at most " + std::to_string(kMaxValueBytes) + " bytes, found " +
                  std::to_string(value.size()));
  }
  if (value.find('\0') != std::string_view::npos) return refuse("found a NUL byte");
  if (!is_utf8(value)) return refuse("expected UTF-8");
  if (!multiline && value.find('\n') != std::string_view::npos) {
    return refuse("found a newline, which only an input with `multiline: true` may have");
  }
  return {};
}

}  // namespace klubster
