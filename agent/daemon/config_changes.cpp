// Comparing two configs key by key, inputs by what reaches a step.
#include "daemon/config_changes.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "model/schema.h"
#include "model/tree.h"

namespace klubster {

namespace {

// One value and where it comes from.
struct Held {
  std::string text;  // of a secret its digest
  bool digest = false;
  Json shown;
};

struct Row {
  std::string what, name;
  bool secret = false;
  std::optional<Held> before, after;
  std::string fallback;  // the key's default
};

Held held_in_tree(const Json& entry) {
  Held held;
  held.digest = !entry.get("secret").is_null();
  held.text = entry.text_or(held.digest ? "secret" : "value");
  held.shown["layer"] = layer_name(static_cast<int>(entry.integer_or("layer")));
  held.shown["file"] = entry.text_or("file");
  if (!held.digest) held.shown["value"] = held.text;
  return held;
}

// As in make_plan(): package, then inputs/, then secrets/.
std::optional<Held> input_of(const ConfigSide& side, const std::string& name) {
  const Json& values = side.config.get("values");
  for (const char* directory : {"secrets/", "inputs/"}) {
    const Json& entry = values.get(directory + name);
    if (!entry.is_null()) return held_in_tree(entry);
  }
  const InputSpec* input = side.profile == nullptr ? nullptr : side.profile->find_input(name);
  if (input == nullptr || !input->default_value) return std::nullopt;
  if (input->source == InputSource::kLocalOverride) return std::nullopt;
  Held held;
  held.text = *input->default_value;
  held.shown = Json::Object{{"layer", "package"}, {"file", "profile.env"}, {"value", held.text}};
  return held;
}

std::optional<Held> key_of(const ConfigSide& side, const std::string& key) {
  const Json& entry = side.config.get("values").get(key);
  if (entry.is_null()) return std::nullopt;
  return held_in_tree(entry);
}

std::string after_slash(const std::string& key) {
  return key.substr(key.find('/') + 1);
}

bool is_secret(const Row& row, const ConfigSide& before, const ConfigSide& after) {
  for (const auto* held : {&row.before, &row.after}) {
    if (held->has_value() && (*held)->digest) return true;
  }
  for (const auto* side : {&before, &after}) {
    const InputSpec* input =
        side->profile == nullptr ? nullptr : side->profile->find_input(row.name);
    if (row.what == "input" && input != nullptr && input->sensitive) return true;
  }
  return false;
}

Json row_json(Row row) {
  const char* change = !row.before ? "added" : !row.after ? "removed" : "changed";
  Json json = Json::Object{
      {"what", row.what}, {"name", row.name}, {"change", change}, {"secret", row.secret}};
  for (auto* held : {&row.before, &row.after}) {
    Json shown = held->has_value() ? (*held)->shown : Json();
    if (row.secret && held->has_value()) {
      shown = Json::Object{{"layer", shown.text_or("layer")}, {"file", shown.text_or("file")}};
    }
    json[held == &row.before ? "before" : "after"] = std::move(shown);
  }
  if (!row.fallback.empty() && !(row.before && row.after)) json["default"] = row.fallback;
  return json;
}

}  // namespace

Json config_changes(const ConfigSide& before, const ConfigSide& after) {
  std::set<std::string> inputs, keys;
  for (const auto* side : {&before, &after}) {
    if (side->profile == nullptr) continue;
    for (const auto& input : side->profile->inputs)
      inputs.insert(input.name);
  }
  for (const auto* side : {&before, &after}) {
    const auto* values = side->config.get("values").as_object();
    if (values == nullptr) continue;
    for (const auto& [key, entry] : *values) {
      const bool given = key.starts_with("inputs/") || key.starts_with("secrets/");
      if (!given || !inputs.contains(after_slash(key))) keys.insert(key);
    }
  }
  std::vector<Row> rows;
  for (const auto& name : inputs)
    rows.push_back({"input", name, false, input_of(before, name), input_of(after, name), ""});
  for (const auto& key : keys) {
    if (key == "node/name") continue;  // counts the same, however the name was found
    const KeySpec* spec = find_key(key);
    rows.push_back({key.starts_with("steps/path.d/") ? "path" : "key", key, false,
                    key_of(before, key), key_of(after, key),
                    spec == nullptr ? "" : default_value(*spec)});
  }
  const bool same_salt = before.config.text_or("salt") == after.config.text_or("salt");
  Json list = Json::array();
  std::ranges::sort(rows, {}, [](const Row& row) { return std::tie(row.what, row.name); });
  for (auto& row : rows) {
    if (!row.before && !row.after) continue;
    row.secret = is_secret(row, before, after);
    if (row.before && row.after) {
      const bool digests = row.before->digest && row.after->digest;
      if (digests && !same_salt) continue;
      if (row.before->digest == row.after->digest && row.before->text == row.after->text) continue;
    }
    list.push_back(row_json(std::move(row)));
  }
  return list;
}

}  // namespace klubster
