// Comparing versions.
#include "core/version.h"

#include <optional>
#include <vector>

#include "base/text.h"

namespace klubster {

namespace {

std::string plain(const std::string& text) {
  return text.starts_with("v") ? text.substr(1) : text;
}

// X.Y.Z, with what may stand behind it left out.
std::optional<std::vector<std::uint64_t>> numbers(const std::string& text) {
  std::vector<std::uint64_t> found;
  for (const auto& part : split(plain(text.substr(0, text.find('-'))), '.')) {
    const auto number = parse_number(part, 1'000'000);
    if (!number) return std::nullopt;
    found.push_back(*number);
  }
  if (found.size() < 3) return std::nullopt;
  found.resize(3);
  return found;
}

}  // namespace

std::string version_mistake(const std::string& version, const VersionBounds& bounds) {
  const std::string found = ", found " + (version.empty() ? "none" : printable(version, 40));
  if (!bounds.exactly.empty() && bounds.exactly != "latest" &&
      plain(bounds.exactly) != plain(version)) {
    return "expected version " + printable(plain(bounds.exactly), 40) + found;
  }
  const auto own = numbers(version), least = numbers(bounds.at_least),
             limit = numbers(bounds.below);
  if (own && least && *own < *least) return "expected at least version " + bounds.at_least + found;
  if (own && limit && *own >= *limit) return "expected a version below " + bounds.below + found;
  return "";
}

}  // namespace klubster
