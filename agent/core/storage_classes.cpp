// Comparing.
#include "core/storage_classes.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

std::vector<StorageClass> classes_in(const std::string& text) {
  std::vector<StorageClass> classes;
  for (const auto& line : split(text, '\n')) {
    const auto parts = words(line);
    if (!parts.empty()) classes.push_back({parts[0], parts.size() > 1 && parts[1] == "true"});
  }
  return classes;
}

std::vector<StorageClass> class_changes(const std::vector<StorageClass>& classes) {
  const auto has = [&](std::string_view name) {
    return std::any_of(classes.begin(), classes.end(),
                       [&](const StorageClass& one) { return one.name == name; });
  };
  const std::string wanted = has("longhorn-single") ? "longhorn-single"
                             : has("longhorn")      ? "longhorn"
                                                    : "";
  std::vector<StorageClass> changes;
  if (wanted.empty()) return changes;
  for (const auto& one : classes) {
    const bool should = one.name == wanted;
    if (one.is_default != should) changes.push_back({one.name, should});
  }
  return changes;
}

}  // namespace klubster
