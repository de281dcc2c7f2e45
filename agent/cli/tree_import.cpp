// The two forms in which `klubster config dump` writes a config.
#include "cli/tree_import.h"

#include "base/json.h"
#include "base/text.h"
#include "linux/config_root.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::size_t kDumpBytes = 16U << 20;
constexpr std::string_view kHidden = "(secret)";

// A value stands as itself, or with --origin in an object beside its layer and file.
void take_value(JsonReader& reader, const std::string& key, const Json& entry,
                std::vector<TreeChange>& changes) {
  const KeySpec* spec = find_key(key);
  const bool secret = spec != nullptr && spec->secret;
  const Json& inside = entry.as_object() == nullptr    ? entry
                       : entry.get("secret").is_null() ? entry.get("value")
                                                       : entry.get("secret");
  const std::string* value = inside.as_string();
  if (value == nullptr) return reader.refuse(key, "expected the value as a string");
  if (secret && *value == kHidden) {
    return reader.refuse(key,
                         "expected the secret, found the placeholder (secret); a dump that holds "
                         "it is made by: klubster config dump --secrets --to FILE");
  }
  changes.push_back({key, *value, secret});
}

}  // namespace

Result<std::vector<TreeChange>> changes_from_directory(const std::string& directory) {
  const TreeLayer layer = read_config_root({kLayerSystem, directory});
  std::vector<std::string> problems;
  for (const auto& problem : layer.problems)
    problems.push_back(problem.text());
  if (!problems.empty()) {
    return Error(ErrorKind::kInvalid, "ConfigInvalid", join(problems, "\n"))
        .hint("nothing was written; mend these files");
  }
  std::vector<TreeChange> changes;
  for (const auto& file : layer.files)
    changes.push_back({file.key, file.value, false});
  return changes;
}

Result<std::vector<TreeChange>> changes_from_json(const std::string& file, bool for_overlay) {
  const auto text = read_file(file, kDumpBytes);
  if (!text) return text.error();
  const auto json = parse_json(*text, {kDumpBytes, 8});
  if (!json) return Error(json.error()).in(file);
  std::vector<TreeChange> changes;
  JsonReader reader(*json, file);
  if (const auto version = reader.number("v"); version != 1) {
    reader.refuse("v", "expected 1, found " + std::to_string(version));
  }
  const std::string node = reader.text_or("node", "");
  (void)reader.text_or("hash", "");                // made anew from the values
  (void)reader.boolean_or("namedByMatch", false);  // the name itself is taken along
  reader.members("values", [&](const std::string& key, const Json& entry) {
    if (key != "node/name") take_value(reader, key, entry, changes);
  });
  if (auto read = reader.finish(); !read) {
    return std::move(read.error()).hint("nothing was written; mend the file");
  }
  // In an overlay the node has its name already, and may not set it.
  if (!node.empty() && !for_overlay) changes.push_back({"node/name", node, false});
  return changes;
}

}  // namespace klubster
