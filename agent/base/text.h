// Small questions about text that several floors ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klubster {

// Splits at each `separator`; "a,,b" has three parts, "" has one empty part.
std::vector<std::string> split(std::string_view text, char separator);
// The words of `text`, divided by spaces, tabs and newlines; no empty ones.
std::vector<std::string> words(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
bool contains(const std::vector<std::string>& list, std::string_view text);

bool is_utf8(std::string_view text);
// A letter or digit of ASCII.
bool is_alphanumeric(char c);
// `text` with everything that could disturb a terminal shown as \xNN, cut at `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 256);

// Whole decimal number without sign, spaces or leading zeros (but "0"), at most `max`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max = UINT64_MAX);
// "90s", "5m", "2h", "1d", "250ms", also a sum such as "1h30m"; at most ten years.
std::optional<std::uint64_t> parse_duration_usec(std::string_view text);
// The shortest exact text of a duration: 90000000 is "1m30s".
std::string duration_text(std::uint64_t usec);
// "64K", "512M", "2G", plain bytes: powers of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

// The candidate nearest to `word` by edit distance, when it is near enough to be meant. A word of
// more than 128 bytes is near to nothing.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

}  // namespace klubster
