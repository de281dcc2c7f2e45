// Which StorageClass is the default one. Pure.
#pragma once

#include <string>
#include <vector>

namespace klubster {

struct StorageClass {
  std::string name;
  bool is_default = false;
  bool operator==(const StorageClass&) const = default;
};

// What kubectl is asked for.
inline constexpr const char* kClassLine =
    R"(jsonpath={range .items[*]}{.metadata.name}{" "})"
    R"({.metadata.annotations.storageclass\.kubernetes\.io/is-default-class}{"\n"}{end})";
// Its lines: "NAME true" or "NAME" that kubectl is asked for.
std::vector<StorageClass> classes_in(const std::string& text);

// What has to be changed so that Longhorn's is the only default: longhorn-single where there is
// one, else longhorn. Nothing where Longhorn is not.
std::vector<StorageClass> class_changes(const std::vector<StorageClass>& classes);

}  // namespace klubster
