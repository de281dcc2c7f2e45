// By the calendar of <chrono>: no time zone, no locale.
#include "base/utc_time.h"

#include <chrono>
#include <cstdio>

namespace klubster {

namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::size_t kFractionDigits = 6;

// Exactly `digits` digits from `text`, which are taken off it.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  unsigned number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

std::optional<unsigned> take_after(std::string_view& text, char separator, std::size_t digits) {
  if (!text.starts_with(separator)) return std::nullopt;
  text.remove_prefix(1);
  return take_digits(text, digits);
}

// ".123" and nothing at all; nullopt when it is neither.
std::optional<std::uint64_t> take_fraction_usec(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  const std::size_t end = text.find_first_not_of("0123456789", 1);
  const std::size_t digits = (end == std::string_view::npos ? text.size() : end) - 1;
  if (digits == 0 || digits > kFractionDigits) return std::nullopt;
  std::uint64_t usec = *take_after(text, '.', digits);
  for (std::size_t i = digits; i < kFractionDigits; ++i)
    usec *= 10;
  return usec;
}

// "2026-11-21T01:49:00"
std::string to_the_second(std::uint64_t unix_usec) {
  using namespace std::chrono;
  const sys_seconds time{seconds(static_cast<std::int64_t>(unix_usec / kSecond))};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace

std::string utc_text(std::uint64_t unix_usec) {
  return to_the_second(unix_usec) + "Z";
}

std::string utc_text_usec(std::uint64_t unix_usec) {
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06uZ", static_cast<unsigned>(unix_usec % kSecond));
  return to_the_second(unix_usec) + fraction;
}

std::optional<std::uint64_t> parse_utc(std::string_view text) {
  using namespace std::chrono;
  const auto year_number = take_digits(text, 4);
  const auto month_number = take_after(text, '-', 2);
  const auto day_number = take_after(text, '-', 2);
  if (!year_number || !month_number || !day_number || *year_number < 1970) return std::nullopt;
  const year_month_day date{year(static_cast<int>(*year_number)), month(*month_number),
                            day(*day_number)};
  if (!date.ok()) return std::nullopt;
  const auto days = sys_days(date).time_since_epoch().count();
  const std::uint64_t midnight = static_cast<std::uint64_t>(days) * 86'400 * kSecond;
  if (text.empty()) return midnight;

  const auto hour = take_after(text, 'T', 2);
  const auto minute = take_after(text, ':', 2);
  const auto second = take_after(text, ':', 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  const auto fraction = take_fraction_usec(text);
  if (!fraction || text != "Z") return std::nullopt;
  return midnight + (*hour * 3600 + *minute * 60 + *second) * kSecond + *fraction;
}

}  // namespace klubster
