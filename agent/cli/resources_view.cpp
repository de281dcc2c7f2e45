// `klubster status --resources` for people.
#include <algorithm>
#include <cstdio>

#include "cli/views.h"

namespace klubster {

namespace {

constexpr const char* kUnknown = "unknown";

std::string rounded(double value, const char* unit) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, unit);
  return text;
}

// "34.2 ms", "1.5 s", "12m"
std::string time_text(std::int64_t usec) {
  const auto value = static_cast<double>(usec);
  if (usec < 1'000'000) return rounded(value / 1e3, "ms");
  if (usec < 120'000'000) return rounded(value / 1e6, "s");
  return age_text(static_cast<std::uint64_t>(usec) / 1'000'000);
}

std::string size_text(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + " B";
  if (bytes < 1024 * 1024) return rounded(value / 1024, "KiB");
  if (bytes < 1024 * 1024 * 1024) return rounded(value / (1024 * 1024), "MiB");
  return rounded(value / (1024.0 * 1024 * 1024), "GiB");
}

Cell cell(const Json& cost, const char* key, std::string (*text)(std::int64_t)) {
  const auto* value = cost.get(key).as_integer();
  if (value == nullptr) return {kUnknown, Paint::kDim};
  const auto& partial = cost.items("atLeast");
  const bool more = std::ranges::count(partial, Json(key)) > 0;
  return (more ? ">= " : "") + text(std::max<std::int64_t>(*value, 0));
}

std::vector<Cell> row(const std::string& phase, const std::string& id, const std::string& state,
                      const Json& cost) {
  if (cost.is_null()) return {phase, id, state};  // never ran
  return {phase,
          id,
          state,
          cell(cost, "wallUsec", time_text),
          cell(cost, "cpuUsec", time_text),
          cell(cost, "memoryPeakBytes", size_text),
          cell(cost, "ioReadBytes", size_text),
          cell(cost, "ioWriteBytes", size_text)};
}

}  // namespace

std::string resources_text(const Json& status, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  const Json& resources = status.get("resources");
  for (const auto& worker : resources.items("workers"))
    rows.push_back(row("profile", worker.text_or("id"), "", worker.get("resources")));
  for (const auto& step : status.items("steps")) {
    rows.push_back(row(step.text_or("phase"), step.text_or("id"), step.text_or("state"),
                       step.get("resources")));
  }
  rows.push_back(row("total", "", "", resources.get("total")));
  return text_table({"PHASE", "STEP", "STATE", "WALL", "CPU", "MEMORY", "READ", "WRITTEN"}, rows,
                    look);
}

}  // namespace klubster
