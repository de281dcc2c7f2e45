// Keys with dots, brought into the form of a tree.
#include "model/dotted_layer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "base/text.h"
#include "model/key_names.h"

namespace klubster {

namespace {

constexpr std::string_view kKernelLine = "kernel command line";

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;  // nullopt: no "="
};

Parameter parameter_of(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

bool is_flag(std::string_view name) {
  return std::find(std::begin(kKernelFlags), std::end(kKernelFlags), name) !=
         std::end(kKernelFlags);
}

// An .unset or .lock has no value; any other parameter needs one.
Result<std::string> value_of(const Parameter& parameter) {
  if (parameter.value) return tree_value(std::string(*parameter.value));
  if (parameter.name.ends_with(kUnsetSuffix) || parameter.name.ends_with(kLockSuffix)) return "";
  return Error(ErrorKind::kInvalid, "BadValue", "expected =VALUE after it, found nothing");
}

}  // namespace

void add_dotted(TreeLayer& layer, std::string_view name, Result<std::string> value,
                const std::string& file) {
  const auto key = key_of_credential(name);
  if (!key) {
    std::string path(name.substr(std::min(name.size(), kDottedPrefix.size())));
    std::ranges::replace(path, '.', '/');
    std::string message = "expected " + std::string(kDottedPrefix) +
                          "KEY with dots instead of slashes, found `" + printable(name, 120) + "`";
    if (const std::string meant = nearest_key(path); !meant.empty()) {
      message += " (did you mean " + credential_name(meant) + "?)";
    }
    layer.problems.push_back({file, std::move(path), std::move(message), "ConfigInvalid"});
  } else if (!value) {
    layer.problems.push_back({file, *key, value.error().message(), "ConfigInvalid"});
  } else {
    layer.files.push_back({*key, std::move(*value), file});
  }
}

std::vector<std::string> kernel_words(std::string_view line) {
  std::vector<std::string> found;
  bool quoted = false;
  bool inside = false;  // of a word, which may be empty: ""
  for (const char c : line) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space && !quoted) {
      inside = false;
      continue;
    }
    if (!inside) found.emplace_back();
    inside = true;
    if (c == '"') {
      quoted = !quoted;
    } else {
      found.back() += c;
    }
  }
  return found;
}

TreeLayer kernel_layer(const std::vector<std::string>& words) {
  TreeLayer layer{kLayerKernel, std::string(kKernelLine), {}, {}};
  std::map<std::string_view, Parameter> last;
  for (const auto& word : words) {
    const Parameter parameter = parameter_of(word);
    if (parameter.name.starts_with(kDottedPrefix) && !is_flag(parameter.name)) {
      last[parameter.name] = parameter;
    }
  }
  for (const auto& [name, parameter] : last)
    add_dotted(layer, name, value_of(parameter), std::string(kKernelLine));
  return layer;
}

bool kernel_flag(const std::vector<std::string>& words, std::string_view name) {
  bool set = false;
  for (const auto& word : words) {
    const Parameter parameter = parameter_of(word);
    if (parameter.name != name) continue;
    const std::string_view value = parameter.value.value_or("1");
    set = value == "1" || value == "true" || value == "yes" || value == "on";
  }
  return set;
}

}  // namespace klubster
