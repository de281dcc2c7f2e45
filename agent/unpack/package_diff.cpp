// Comparing canonical manifests and lists of files.
#include "unpack/package_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace klubster {

namespace {

using Kind = PartDifference::Kind;
using Parts = std::map<std::string, Json>;  // of one section, by name

constexpr std::size_t kShownBytes = 200;

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kAdded:
      return "added";
    case Kind::kRemoved:
      return "removed";
    case Kind::kChanged:
      return "changed";
  }
  return "";
}

template <typename Map>
std::set<std::string> names_in(const Map& before, const Map& after) {
  std::set<std::string> names;
  for (const auto* side : {&before, &after}) {
    for (const auto& [name, value] : *side)
      names.insert(name);
  }
  return names;
}

// Members of members get names of their own, "retry.attempts"; lists are compared whole.
void compare_values(const std::string& key, const Json& before, const Json& after,
                    std::vector<KeyDifference>& found) {
  if (before == after) return;
  const auto* old_members = before.as_object();
  const auto* new_members = after.as_object();
  if (old_members == nullptr || new_members == nullptr) {
    found.push_back({key, before, after});
    return;
  }
  for (const auto& name : names_in(*old_members, *new_members)) {
    compare_values(key.empty() ? name : join({key, name}, "."), before.get(name), after.get(name),
                   found);
  }
}

// The named objects of a list.
Parts by_name(const Json::Array& list, std::string_view name) {
  Parts parts;
  for (const auto& item : list)
    parts[item.text_or(name)] = item;
  return parts;
}

Parts members_of(const Json& json) {
  const auto* members = json.as_object();
  return members == nullptr ? Parts() : Parts(members->begin(), members->end());
}

// What is left of a manifest once that which has sections of its own is taken away.
Json metadata_of(const Json& profile) {
  Json::Object members = *profile.as_object();
  for (const char* own : {"v", "inputs", "modes", "commands", "warnings"})
    members.erase(own);
  return members;
}

Json file_json(const PackageFile& file) {
  return Json::Object{
      {"mode", file.executable ? "0755" : "0644"}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

Parts files_of(const OpenedPackage& package) {
  Parts parts;
  for (const auto& [path, file] : package.files)
    parts[path] = file_json(file);
  return parts;
}

// The names that both sides have, in the order in which each has them.
std::vector<std::string> order_of(const Json::Array& steps, const Parts& others) {
  std::vector<std::string> names;
  for (const auto& step : steps) {
    if (others.count(step.text_or("id")) != 0) names.push_back(step.text_or("id"));
  }
  return names;
}

class Comparison {
 public:
  Comparison(const OpenedPackage& before, const OpenedPackage& after)
      : before_(before), after_(after) {}

  PackageDifference run() {
    const auto title = [](const Profile& profile) { return profile.name + " " + profile.version; };
    difference_.before = title(before_.profile);
    difference_.after = title(after_.profile);
    const Json old_profile = to_json(before_.profile), new_profile = to_json(after_.profile);
    compare_changed("metadata", "", metadata_of(old_profile), metadata_of(new_profile));
    compare_section("inputs", by_name(old_profile.items("inputs"), "name"),
                    by_name(new_profile.items("inputs"), "name"));
    compare_modes(old_profile.get("modes"), new_profile.get("modes"));
    compare_section("commands", members_of(old_profile.get("commands")),
                    members_of(new_profile.get("commands")));
    compare_section("files", files_of(before_), files_of(after_));
    return std::move(difference_);
  }

 private:
  void compare_changed(const std::string& section, const std::string& name, const Json& before,
                       const Json& after) {
    PartDifference part{section, name, Kind::kChanged, {}};
    compare_values("", before, after, part.keys);
    if (part.keys.empty()) return;
    if (section == "inputs") hide_defaults(name, part.keys);
    difference_.parts.push_back(std::move(part));
  }

  void compare_section(const std::string& section, const Parts& before, const Parts& after) {
    for (const auto& name : names_in(before, after)) {
      const auto was = before.find(name), is = after.find(name);
      if (was != before.end() && is != after.end()) {
        compare_changed(section, name, was->second, is->second);
        continue;
      }
      const bool added = was == before.end();
      PartDifference part{section, name, added ? Kind::kAdded : Kind::kRemoved, {}};
      if (section == "files") {
        const Json& file = added ? is->second : was->second;
        for (const auto& [key, value] : *file.as_object())
          part.keys.push_back({key, added ? Json() : value, added ? value : Json()});
      }
      difference_.parts.push_back(std::move(part));
    }
  }

  void compare_modes(const Json& before, const Json& after) {
    for (const auto& mode : names_in(members_of(before), members_of(after))) {
      const std::string section = "phase " + mode;
      const auto &old_steps = before.items(mode), &new_steps = after.items(mode);
      const Parts was = by_name(old_steps, "id"), is = by_name(new_steps, "id");
      const auto old_order = order_of(old_steps, is), new_order = order_of(new_steps, was);
      if (old_order != new_order) {
        difference_.parts.push_back(
            {section, "", Kind::kChanged, {{"order", old_order, new_order}}});
      }
      compare_section(section, was, is);
    }
  }

  void hide_defaults(const std::string& input, std::vector<KeyDifference>& keys) const {
    const auto sensitive = [&](const OpenedPackage& package) {
      const InputSpec* spec = package.profile.find_input(input);
      return spec != nullptr && spec->sensitive;
    };
    if (!sensitive(before_) && !sensitive(after_)) return;
    for (auto& key : keys) {
      if (key.key != "default") continue;
      for (Json* side : {&key.before, &key.after}) {
        if (!side->is_null()) *side = "(secret)";
      }
    }
  }

  const OpenedPackage& before_;
  const OpenedPackage& after_;
  PackageDifference difference_;
};

std::string value_text(const KeyDifference& key, const Json& value) {
  if (value.is_null()) return "nothing";
  const std::string* text = value.as_string();
  const bool digest = key.key == "sha256" || key.key == "filesDigest";
  if (text != nullptr && digest) return text->substr(0, 12);
  return printable(text != nullptr && !text->empty() ? *text : value.dump(), kShownBytes);
}

// "mode 0755, 12 bytes, sha256 0123456789ab"
std::string file_text(const PartDifference& part) {
  std::vector<std::string> facts;
  for (const auto& key : part.keys) {
    const Json& value = part.kind == Kind::kAdded ? key.after : key.before;
    facts.push_back(key.key + " " + value_text(key, value));
  }
  return join(facts, ", ");
}

}  // namespace

PackageDifference compare_packages(const OpenedPackage& before, const OpenedPackage& after) {
  return Comparison(before, after).run();
}

std::string describe(const PackageDifference& difference) {
  if (difference.parts.empty()) return "";
  std::string text =
      "--- " + printable(difference.before) + "\n+++ " + printable(difference.after) + "\n";
  std::string section;
  for (const auto& part : difference.parts) {
    if (part.section != section) text += (section = part.section) + "\n";
    if (!part.name.empty()) {
      const char* sign = part.kind == Kind::kAdded ? "+" : part.kind == Kind::kRemoved ? "-" : "~";
      text += std::string("  ") + sign + " " + printable(part.name, 1024);
      if (part.kind != Kind::kChanged && !part.keys.empty()) text += ": " + file_text(part);
      text += "\n";
    }
    if (part.kind != Kind::kChanged) continue;
    for (const auto& key : part.keys) {
      text += (part.name.empty() ? "  " : "      ") + printable(key.key) + ": " +
              value_text(key, key.before) + " -> " + value_text(key, key.after) + "\n";
    }
  }
  return text;
}

Json to_json(const PackageDifference& difference) {
  Json json;
  json["before"] = difference.before;
  json["after"] = difference.after;
  json["same"] = difference.parts.empty();
  json["differences"] = Json::array();
  for (const auto& part : difference.parts) {
    Json item;
    item["section"] = part.section;
    if (!part.name.empty()) item["name"] = part.name;
    item["change"] = to_string(part.kind);
    item["keys"] = Json::array();
    for (const auto& key : part.keys) {
      item["keys"].push_back(
          Json::Object{{"key", key.key}, {"before", key.before}, {"after", key.after}});
    }
    json["differences"].push_back(std::move(item));
  }
  return json;
}

}  // namespace klubster
