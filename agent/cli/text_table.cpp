// Columns, ages and colours.
#include "cli/text_table.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/text.h"
#include "linux/event_loop.h"

namespace klubster {

namespace {

constexpr std::size_t kCellBytes = 400;

// Code points: good enough for what nodes, phases and reasons are made of.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::optional<std::int64_t> seconds_of(const Json& time) {
  if (const auto* usec = time.as_integer()) return *usec / 1'000'000;
  const auto* text = time.as_string();
  std::tm parts{};
  if (text == nullptr || ::strptime(text->c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) {
    return std::nullopt;
  }
  return ::timegm(&parts);
}

}  // namespace

Look look_of_stdout() {
  Look look;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  look.colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  look.now_usec = now_wall_usec();
  return look;
}

std::string painted(std::string_view text, Paint paint, const Look& look) {
  if (!look.colour || paint == Paint::kPlain) return std::string(text);
  const char* code = "";
  switch (paint) {
    case Paint::kPlain:
      break;
    case Paint::kBold:
      code = "\033[1m";
      break;
    case Paint::kGreen:
      code = "\033[32m";
      break;
    case Paint::kYellow:
      code = "\033[33m";
      break;
    case Paint::kRed:
      code = "\033[31m";
      break;
    case Paint::kDim:
      code = "\033[2m";
      break;
  }
  return code + std::string(text) + "\033[0m";
}

std::string text_table(const std::vector<std::string>& heading,
                       const std::vector<std::vector<Cell>>& rows, const Look& look) {
  std::vector<std::vector<Cell>> lines;
  lines.emplace_back();
  for (const auto& title : heading)
    lines.back().emplace_back(title, Paint::kDim);
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<std::size_t> widths(heading.size());
  for (auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      line[i].text = printable(line[i].text, kCellBytes);
      widths[i] = std::max(widths[i], width(line[i].text));
    }
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    std::size_t owed = 0;  // spaces before the next cell that is not empty
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!line[i].text.empty()) {
        row += std::string(owed, ' ') + painted(line[i].text, line[i].paint, look);
        owed = 0;
      }
      owed += widths[i] - width(line[i].text) + 2;
    }
    text += row + "\n";
  }
  return text;
}

std::string age_text(std::uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

std::string age_of(const Json& time, const Look& look) {
  const auto seconds = seconds_of(time);
  if (!seconds) return "";
  const auto now = static_cast<std::int64_t>(look.now_usec / 1'000'000);
  return age_text(static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - *seconds)));
}

std::string local_time(std::uint64_t unix_usec) {
  const auto seconds = static_cast<std::time_t>(unix_usec / 1'000'000);
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), length};
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::string_view kUnits = "KMGT";
  if (bytes < 1024) return std::to_string(bytes);
  std::uint64_t tenths = bytes * 10 / 1024;
  std::size_t unit = 0;
  while (tenths >= 10'240 && unit + 1 < kUnits.size()) {
    tenths /= 1024;
    ++unit;
  }
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + kUnits[unit];
}

std::string short_digest(std::string_view hex) {
  return std::string(hex.substr(0, 12));
}

std::string titled_line(const std::string& title, const std::string& text) {
  return text.empty() ? "" : title + std::string(12 - title.size(), ' ') + printable(text) + "\n";
}

}  // namespace klubster
