// Laying layers over one another.
#include "model/tree_patch.h"

#include <algorithm>
#include <iterator>

namespace klubster {

bool stands_in(std::string_view key, std::string_view path) {
  return key.starts_with(path) && (key.size() == path.size() || key[path.size()] == '/');
}

void TreePatch::set(const std::string& key, std::string value, Origin origin) {
  Setting setting{std::move(value), std::move(origin), {}};
  if (const auto below = settings_.find(key); below != settings_.end()) {
    setting.shadowed = std::move(below->second.shadowed);
    setting.shadowed.insert(setting.shadowed.begin(),
                            {std::move(below->second.value), std::move(below->second.origin)});
  }
  settings_[key] = std::move(setting);
}

void TreePatch::remove(const std::string& path, Origin origin) {
  erase(path, {});
  removals_[path] = {std::move(origin), {}};
}

void TreePatch::lock(const std::string& path, Origin origin) {
  locks_.emplace(path, std::move(origin));
}

void TreePatch::lay_over(const TreePatch& upper) {
  problems_.insert(problems_.end(), upper.problems_.begin(), upper.problems_.end());
  for (const auto& [path, removal] : upper.removals_)
    take_removal(path, removal);
  for (const auto& [key, setting] : upper.settings_)
    take_setting(key, setting);
  locks_.insert(upper.locks_.begin(), upper.locks_.end());  // the lower one stays
}

const std::pair<const std::string, Origin>* TreePatch::lock_above(std::string_view path) const {
  const auto found =
      std::ranges::find_if(locks_, [&](const auto& lock) { return stands_in(path, lock.first); });
  return found == locks_.end() ? nullptr : &*found;
}

void TreePatch::refuse(const Origin& change, const std::string& key, const Origin& lock) {
  problems_.push_back(
      {change.file, key,
       "expected no change in a layer above " + lock.file + ", which locks it, found one",
       "ConfigInvalid"});
}

void TreePatch::erase(const std::string& path, const std::set<std::string>& spared) {
  std::erase_if(settings_, [&](const auto& item) {
    const std::string& key = item.first;
    return stands_in(key, path) && std::ranges::none_of(spared, [&](const std::string& kept) {
             return stands_in(key, kept);
           });
  });
}

void TreePatch::take_removal(const std::string& path, Removal removal) {
  if (const auto* lock = lock_above(path)) return refuse(removal.origin, path, lock->second);
  for (const auto& [locked, origin] : locks_) {
    // What an upper layer took away already is not taken from this one.
    if (!stands_in(locked, path)) continue;
    refuse(removal.origin, path, origin);
    removal.spared.insert(locked);
  }
  erase(path, removal.spared);
  const auto [place, is_new] = removals_.try_emplace(path, removal);
  if (is_new) return;
  // Both take away: only what both spare is spared.
  std::set<std::string> both;
  std::ranges::set_intersection(place->second.spared, removal.spared,
                                std::inserter(both, both.begin()));
  place->second = {removal.origin, std::move(both)};
}

void TreePatch::take_setting(const std::string& key, const Setting& setting) {
  if (const auto* lock = lock_above(key)) {
    refuse(setting.origin, key, lock->second);
    for (const auto& shadowed : setting.shadowed)
      refuse(shadowed.origin, key, lock->second);
    return;
  }
  Setting merged = setting;
  if (const auto below = settings_.find(key); below != settings_.end()) {
    merged.shadowed.push_back({below->second.value, below->second.origin});
    merged.shadowed.insert(merged.shadowed.end(), below->second.shadowed.begin(),
                           below->second.shadowed.end());
  }
  settings_[key] = std::move(merged);
}

}  // namespace klubster
