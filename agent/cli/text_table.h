// Text for a terminal: aligned columns, ages, colour that stays off where it would disturb.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace klubster {

// How text is to look. `now_usec` is the wall clock that ages are counted from.
struct Look {
  bool colour = false;
  std::uint64_t now_usec = 0;
};
// Colour only when standard output is a terminal and NO_COLOR is not set.
Look look_of_stdout();

enum class Paint { kPlain, kBold, kGreen, kYellow, kRed, kDim };
std::string painted(std::string_view text, Paint paint, const Look& look);

struct Cell {
  Cell(std::string words) : text(std::move(words)) {}  // NOLINT(google-explicit-constructor)
  Cell(const char* words) : text(words) {}             // NOLINT(google-explicit-constructor)
  Cell(std::string words, Paint how) : text(std::move(words)), paint(how) {}
  std::string text;
  Paint paint = Paint::kPlain;
};

// Rows under a heading, two spaces between columns, nothing behind the last. Everything that could
// disturb a terminal is shown escaped: much of it was said by other machines.
std::string text_table(const std::vector<std::string>& heading,
                       const std::vector<std::vector<Cell>>& rows, const Look& look);

// One fact below others; nothing without a value.
std::string titled_line(const std::string& title, const std::string& text);

// How long ago: "41s", "5m", "3h", "12d"; empty when `time` is neither RFC 3339 in UTC nor
// microseconds since 1970.
std::string age_of(const Json& time, const Look& look);
std::string age_text(std::uint64_t seconds);
// "2026-03-01 10:41:07", of this machine's time zone.
std::string local_time(std::uint64_t unix_usec);
// "512", "3.0K", "1.4G": powers of 1024, cut.
std::string bytes_text(std::uint64_t bytes);
// The first 12 characters: enough to tell two digests apart.
std::string short_digest(std::string_view hex);

}  // namespace klubster
