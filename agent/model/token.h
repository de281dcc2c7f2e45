// The cluster token: what makes a node a member.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

inline constexpr std::size_t kTokenBytes = 32;

// A new token: "kt1" and 32 random bytes with a checksum in base32 (RFC 4648, lower case, no
// padding), in groups joined by "-" so that a person can compare two.
std::string make_token();
// The 32 secret bytes of a token's text. kInvalid, reason BadToken, naming what is wrong (prefix,
// letter, length, checksum) and never the text itself.
Result<std::string> token_secret(std::string_view text);

}  // namespace klubster
