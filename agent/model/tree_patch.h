// What a layer does to the values below it, and how layers lie over one another.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/tree.h"

namespace klubster {

struct Shadowed {
  std::string value;
  Origin origin;
  bool operator==(const Shadowed&) const = default;
};

struct Setting {
  std::string value;
  Origin origin;
  std::vector<Shadowed> shadowed;  // what it won against, the nearest first
  bool operator==(const Setting&) const = default;
};

// Takes a key, or all that stands in a directory of keys, away from below.
struct Removal {
  Origin origin;
  std::set<std::string> spared;  // keys and directories in it that are locked further down
  bool operator==(const Removal&) const = default;
};

// A layer, or several that were laid over one another. Laying over is associative: whichever layers
// are brought together first, the outcome is the same.
class TreePatch {
 public:
  // Within one layer, in the order in which its overlays beat one another. Locks of a layer bind
  // the layers above it, not itself.
  void set(const std::string& key, std::string value, Origin origin);
  void remove(const std::string& path, Origin origin);
  void lock(const std::string& path, Origin origin);

  // Lays `upper` over this. What is locked here stays, and becomes a problem that names both files.
  void lay_over(const TreePatch& upper);

  const std::map<std::string, Setting>& settings() const { return settings_; }
  const std::map<std::string, Removal>& removals() const { return removals_; }
  const std::vector<TreeProblem>& problems() const { return problems_; }
  bool operator==(const TreePatch& other) const {
    return settings_ == other.settings_ && removals_ == other.removals_ && locks_ == other.locks_ &&
           problems_.empty() == other.problems_.empty();
  }

 private:
  const std::pair<const std::string, Origin>* lock_above(std::string_view path) const;
  void refuse(const Origin& change, const std::string& key, const Origin& lock);
  void erase(const std::string& path, const std::set<std::string>& spared);
  void take_removal(const std::string& path, Removal removal);
  void take_setting(const std::string& key, const Setting& setting);

  std::map<std::string, Setting> settings_;
  std::map<std::string, Removal> removals_;
  std::map<std::string, Origin> locks_;
  std::vector<TreeProblem> problems_;
};

// Whether `key` is `path` or stands below it.
bool stands_in(std::string_view key, std::string_view path);

}  // namespace klubster
