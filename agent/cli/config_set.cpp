// klubster config set
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/tree_edit.h"
#include "cli/tree_import.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "model/key_names.h"
#include "model/schema.h"
#include "model/tree_entry.h"

namespace klubster {

namespace {

constexpr std::size_t kFileBytes = 1U << 20;  // tree_value() has the real limit to tell

struct ConfigSetOptions {
  TreeOptions tree;
  std::string key, file, from;
  std::optional<std::string> value;
};

Error usage(std::string message, std::string hint) {
  return Error(ErrorKind::kInvalid, "Usage", std::move(message)).hint(std::move(hint));
}

// Arguments stand in the list of processes, which everybody can read, and in shells' histories.
Error secret_in_argument(const std::string& key) {
  const std::string command = "klubster config set " + printable(key, 120) + " --from-file ";
  return usage(printable(key, 120) +
                   " is a secret: expected it from a file or standard input, found it as an "
                   "argument, which everybody on this machine can read",
               (key_in_overlay(key) == "cluster/token" ? "klubster token create | " : "") +
                   command + "-, or " + command + "FILE");
}

Result<std::string> read_value(const std::string& file) {
  auto bytes =
      file == "-" ? read_descriptor(STDIN_FILENO, kFileBytes) : read_file(file, kFileBytes);
  if (!bytes) return bytes.error();
  return tree_value(std::move(*bytes)).in(file == "-" ? "standard input" : file);
}

// One key. An .unset of the same layer would take the new value away again.
Result<std::vector<TreeChange>> change_one(const ConfigSetOptions& options,
                                           const EditTarget& target) {
  const std::string path = target.prefix + options.key;
  const OverlayPath place = overlay_path(path);
  if (place.wrong) return Error(ErrorKind::kInvalid, "ConfigInvalid", *place.wrong);
  const KeySpec* spec = find_key(place.rest);
  // What names a machine is no key, but is written like one.
  const bool match = place.kind == OverlayKind::kNode && place.rest.starts_with("match/");
  if (spec == nullptr && !match) return unknown_key(place.rest);
  if (options.value.has_value() != options.file.empty()) {
    return usage("expected either a value or --from-file, found " +
                     std::string(options.file.empty() ? "neither" : "both"),
                 "klubster config set " + options.key + " VALUE");
  }
  const bool secret = spec != nullptr && spec->secret;
  if (secret && options.file.empty()) return secret_in_argument(options.key);
  const auto value = options.file.empty() ? tree_value(*options.value) : read_value(options.file);
  if (!value) return value.error();
  std::vector<TreeChange> changes = {{path, *value, secret}};
  const std::string unset = path + std::string(kUnsetSuffix);
  if (exists(target.root.path + "/" + unset)) changes.push_back({unset, std::nullopt, false});
  return changes;
}

Result<std::vector<TreeChange>> change_several(const ConfigSetOptions& options,
                                               const EditTarget& target) {
  if (!options.key.empty() || !options.file.empty()) {
    return usage("--from names everything by itself: expected no key beside it",
                 "klubster config set --from " + options.from);
  }
  std::error_code failed;
  const bool directory = std::filesystem::is_directory(options.from, failed);
  auto changes = directory ? changes_from_directory(options.from)
                           : changes_from_json(options.from, !target.prefix.empty());
  if (!changes) return changes;
  if (changes->empty()) {
    return Error(ErrorKind::kInvalid, "ConfigInvalid", "expected keys, found none")
        .in(options.from);
  }
  std::vector<TreeChange> unsets;
  for (auto& change : *changes) {
    change.key = target.prefix + change.key;
    const std::string unset = change.key + std::string(kUnsetSuffix);
    if (exists(target.root.path + "/" + unset)) unsets.push_back({unset, std::nullopt, false});
  }
  changes->insert(changes->begin(), unsets.begin(), unsets.end());
  return changes;
}

int run(const ConfigSetOptions& options) {
  if (options.key.empty() && options.from.empty()) {
    return report(usage("expected a key with its value, or --from",
                        "klubster config set KEY VALUE, or klubster config set --from DIR"));
  }
  if (!options.tree.node.empty() && options.key.starts_with("overlays/")) {
    return report(usage(
        "expected a key without its overlay beside --node, found " + printable(options.key, 120),
        "klubster config set KEY VALUE --node NAME"));
  }
  const auto target = edit_target(options.tree);
  if (!target) return report(target.error());
  const auto changes =
      options.from.empty() ? change_one(options, *target) : change_several(options, *target);
  return changes ? carry_out(*target, *changes) : report(changes.error());
}

}  // namespace

Action declare_config_set(Arguments& arguments) {
  const auto options = std::make_shared<ConfigSetOptions>();
  arguments.word("KEY", &options->key, "The key, such as node/modes", false);
  arguments.optional_word("VALUE", &options->value, "Its value; secrets come from --from-file");
  arguments.option("--from-file", &options->file, "FILE",
                   "Take the value from FILE, or from standard input with -");
  arguments.option("--from", &options->from, "DIR|FILE.json",
                   "Set all keys of a tree, or of a dump, together");
  add_edit_options(arguments, &options->tree);
  return [options] { return run(*options); };
}

}  // namespace klubster
