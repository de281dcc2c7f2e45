// Writing and reading a download's status line.
#include "engine/progress.h"

#include <vector>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kLineBytes = 128;
constexpr std::uint64_t kMost = INT64_MAX;  // what JSON carries
constexpr std::uint64_t kMebibyte = 1024 * 1024;
constexpr std::uint64_t kMinuteSec = 60, kHourSec = 3600;

std::string mebibytes(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes / kMebibyte * 10 + bytes % kMebibyte * 10 / kMebibyte;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string time_text(std::uint64_t seconds) {
  if (seconds < 2 * kMinuteSec) return std::to_string(seconds) + " s";
  if (seconds < 2 * kHourSec) return std::to_string(seconds / kMinuteSec) + " min";
  return std::to_string(seconds / kHourSec) + " h";
}

}  // namespace

std::optional<std::uint64_t> FetchProgress::left_sec() const {
  if (total == 0 || bytes_per_second == 0) return std::nullopt;
  return bytes >= total ? 0 : (total - bytes) / bytes_per_second;
}

std::string status_line(const FetchProgress& progress) {
  std::string line = "downloading " + std::to_string(progress.bytes);
  if (progress.total > 0) line += " of " + std::to_string(progress.total);
  line += " bytes";
  if (progress.bytes_per_second > 0) {
    line += ", " + std::to_string(progress.bytes_per_second) + " bytes/s";
  }
  return line;
}

std::optional<FetchProgress> fetch_progress(std::string_view line) {
  if (line.size() > kLineBytes) return std::nullopt;
  FetchProgress progress;
  const auto parts = words(line);
  const auto number = [&parts](std::size_t at) {
    return at < parts.size() ? parse_number(parts[at], kMost).value_or(0) : 0;
  };
  const bool has_total = parts.size() > 2 && parts[2] == "of";
  progress.bytes = number(1);
  if (has_total) progress.total = number(3);
  progress.bytes_per_second = number(has_total ? 5 : 3);
  // A line of another form does not come out the same.
  if (status_line(progress) != line) return std::nullopt;
  return progress;
}

Json to_json(const FetchProgress& progress) {
  Json json = Json::object();
  json["bytes"] = progress.bytes;
  if (progress.total > 0) json["total"] = progress.total;
  json["bytesPerSecond"] = progress.bytes_per_second;
  if (const auto left = progress.left_sec()) json["leftSeconds"] = *left;
  return json;
}

FetchProgress progress_from_json(const Json& json) {
  return {json.number_or("bytes"), json.number_or("total"), json.number_or("bytesPerSecond")};
}

std::string progress_text(const FetchProgress& progress) {
  std::string text = mebibytes(progress.bytes);
  if (progress.total > 0) text += " of " + mebibytes(progress.total);
  text += " MiB";
  if (progress.bytes_per_second > 0) {
    text += ", " + mebibytes(progress.bytes_per_second) + " MiB/s";
  }
  if (const auto left = progress.left_sec()) text += ", " + time_text(*left) + " left";
  return text;
}

}  // namespace klubster
