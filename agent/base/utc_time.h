// Points in time as RFC 3339 text in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace klubster {

// "2026-11-21T01:49:00Z": to the second.
std::string utc_text(std::uint64_t unix_usec);
// "2026-11-21T01:49:00.000123Z": always six digits, so that the same time gives the same text.
std::string utc_text_usec(std::uint64_t unix_usec);

// Both of them, also with fewer digits of a fraction, and "2026-11-21" for its midnight. Years
// 1970 to 9999.
std::optional<std::uint64_t> parse_utc(std::string_view text);

}  // namespace klubster
