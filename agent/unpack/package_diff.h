// What differs between two packages: metadata, inputs, steps, commands and files.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "unpack/open_package.h"

namespace klubster {

// One key of the canonical manifest, such as "retry.attempts". Of one that a side lacks the value
// is null.
struct KeyDifference {
  std::string key;
  Json before, after;
};

struct PartDifference {
  enum class Kind { kAdded, kRemoved, kChanged };
  std::string section;  // "metadata", "inputs", "phase server", "commands", "files"
  std::string name;     // empty for metadata and for a phase's order
  Kind kind = Kind::kChanged;
  std::vector<KeyDifference> keys;  // of what changed; of a file also when added or removed
};

struct PackageDifference {
  std::string before, after;          // "etcd 1.0"
  std::vector<PartDifference> parts;  // grouped by section
};

// Defaults count as if they were written down. Defaults of sensitive inputs are compared, and then
// hidden.
PackageDifference compare_packages(const OpenedPackage& before, const OpenedPackage& after);

// Empty when nothing differs.
std::string describe(const PackageDifference& difference);
Json to_json(const PackageDifference& difference);

}  // namespace klubster
