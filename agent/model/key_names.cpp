// Keys with dots, and keys in capitals.
#include "model/key_names.h"

#include <algorithm>

namespace klubster {

namespace {

std::string with_dots(std::string_view key) {
  std::string text(key);
  std::ranges::replace(text, '/', '.');
  return text;
}

// What `dotted` is when it falls under the pattern: the placeholder takes the rest, or what stands
// before the pattern's last segments.
std::optional<std::string> as_key_of(const KeySpec& spec, std::string_view dotted) {
  const auto open = spec.pattern.find('<');
  if (open == std::string_view::npos) {
    return with_dots(spec.pattern) == dotted ? std::optional(std::string(spec.pattern))
                                             : std::nullopt;
  }
  const auto close = spec.pattern.find('>') + 1;
  const std::string before = with_dots(spec.pattern.substr(0, open));
  const std::string after = with_dots(spec.pattern.substr(close));
  if (!dotted.starts_with(before) || !dotted.ends_with(after)) return std::nullopt;
  if (dotted.size() <= before.size() + after.size()) return std::nullopt;
  const std::string middle(
      dotted.substr(before.size(), dotted.size() - before.size() - after.size()));
  const auto key_with = [&](const std::string& name) -> std::optional<std::string> {
    std::string key =
        std::string(spec.pattern.substr(0, open)) + name + std::string(spec.pattern.substr(close));
    return find_key(key) == &spec ? std::optional(std::move(key)) : std::nullopt;
  };
  const auto last_dot = middle.rfind('.');
  if (spec.pattern.substr(open) == "<label>" && last_dot != std::string::npos) {
    std::string with_prefix = middle;
    with_prefix[last_dot] = '/';
    if (auto key = key_with(with_prefix)) return key;
  }
  return key_with(middle);
}

}  // namespace

bool is_open_ended(const KeySpec& spec) {
  return spec.pattern.find('<') != std::string_view::npos;
}

std::string credential_name(std::string_view key) {
  return std::string(kDottedPrefix) + with_dots(key);
}

std::optional<std::string> key_of_credential(std::string_view name) {
  if (!name.starts_with(kDottedPrefix)) return std::nullopt;
  name.remove_prefix(kDottedPrefix.size());
  std::string_view end;
  for (const auto suffix : {kUnsetSuffix, kLockSuffix}) {
    if (name.ends_with(suffix)) end = suffix;
  }
  name.remove_suffix(end.size());
  for (const auto& spec : schema()) {
    if (const auto key = as_key_of(spec, name)) return *key + std::string(end);
  }
  return std::nullopt;
}

std::string location_variable(const KeySpec& spec) {
  if (is_open_ended(spec)) return "";
  std::string name = "KLUBSTER_" + std::string(spec.pattern) + "_FILE";
  for (char& c : name) {
    if (c == '/' || c == '-') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

}  // namespace klubster
