// Every key of the config tree in one table: form, default, what it means.
//
// docs/config.md, `klubster config keys` and `klubster explain KEY` are made from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace klubster {

enum class ValueType {
  kHostname,    // one DNS label
  kName,        // [a-z0-9][a-z0-9-]*, at most 63
  kBool,        // true, false
  kModes,       // words of kModeNames, in order, none twice
  kText,        // one line
  kVariable,    // what an environment variable may hold (model/environment.h)
  kToken,       // model/token.h
  kEndpoint,    // HOST:PORT, [IPv6]:PORT
  kUrl,         // https://… or http://…, no password in it
  kPath,        // absolute
  kSha256,      // 64 hex digits
  kMinisign,    // the line RW… of a minisign public key, or the whole .pub file
  kEd25519,     // 32 bytes as base64
  kPem,         // one or more certificates
  kNumber,      // decimal
  kSize,        // bytes: 4096, 64K, 512M, 2G
  kDuration,    // 90s, 5m, 1h; 0s: never
  kDrift,       // report, repair
  kCount,       // decimal, 0 included
  kRung,        // none, reboot, rollback, recovery
  kBless,       // sound, ready
  kDiscovery,   // auto, mdns, none
  kPrivateKey,  // PKCS #8
  kQuorum,      // all, majority
};
inline constexpr std::size_t kValueTypes = static_cast<std::size_t>(ValueType::kQuorum) + 1;

struct KeySpec {
  // "profile/url"; a segment in angle brackets stands for one of the user's own names: <name> (a
  // node), <n> (an entry of a list), <NAME> (an environment variable), <label> (a Kubernetes label
  // key, which may have a prefix and so be two segments).
  std::string_view pattern;
  ValueType type;
  std::string_view default_text;  // empty: none
  bool secret;
  bool in_place;  // may change while the node is part of a cluster
  std::string_view since;
  std::string_view help;  // one line
};

// In the order in which people should read it.
std::span<const KeySpec> schema();
// The row that `key` falls under; nullptr when there is none.
const KeySpec* find_key(std::string_view key);
// The default when it is a value and not a description of one; empty otherwise.
std::string default_value(const KeySpec& spec);
// The key of the schema that `key` was probably meant to be, with the user's own names kept
// ("members/n1/mode" gives "members/n1/modes"); empty when nothing is near.
std::string nearest_key(std::string_view key);

// What the type wants, for messages ("true or false").
std::string_view expectation(ValueType type);
// The word for the type in tables ("bool").
std::string_view type_name(ValueType type);
bool allows_newline(ValueType type);
// Whether `value` has the form of the key. The error is kInvalid, reason BadValue, and its message
// is "expected …, found …"; a secret's value never stands in it.
Status check_value(const KeySpec& spec, std::string_view value);

// Forms that others ask about too.
bool is_host_label(std::string_view text);  // one DNS label, lower case
bool is_plain_name(std::string_view text);  // [a-z0-9][a-z0-9-]*, at most 63
struct Endpoint {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};
Result<Endpoint> parse_endpoint(std::string_view text);
// The base64 line of a minisign public key, without its comment line. kInvalid, reason BadKey.
Result<std::string> minisign_key_line(std::string_view text);

}  // namespace klubster
