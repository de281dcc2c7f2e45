// klubster import
#include <iostream>
#include <memory>

#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/package_reader.h"
#include "cli/tree_edit.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "model/schema.h"

namespace klubster {

namespace {

struct ImportOptions {
  TreeOptions tree;
  std::string file;
};

Result<std::vector<TreeChange>> changes_of(const Json& exported, const std::string& root) {
  std::vector<TreeChange> changes;
  const auto* values = exported.get("values").as_object();
  if (values == nullptr || values->empty()) {
    return Error(ErrorKind::kInvalid, "ArchiveRefused", "expected keys below config/, found none")
        .hint("nothing was written; an export is made by: klubster export -o FILE");
  }
  for (const auto& [key, value] : *values) {
    const auto* text = value.as_string();
    if (text == nullptr) continue;  // klubster-unpack writes nothing else
    const KeySpec* spec = find_key(key);
    if (spec == nullptr) return unknown_key(key);
    const std::string unset = key + ".unset";
    if (exists(root + "/" + unset)) changes.push_back({unset, std::nullopt, false});
    changes.push_back({key, *text, spec->secret});
  }
  return changes;
}

// The config that the machine has now, beside the one that was exported.
void tell_hash(const ConfigSources& sources, const std::string& exported) {
  const auto config = resolve_config(sources);
  if (!config) {
    std::cerr << "note: the config cannot be used yet:\n" << config.error().message() << "\n";
  } else if (config->config_hash == exported) {
    std::cout << "config hash " << exported << ", as exported\n";
  } else {
    std::cerr << "note: config hash " << config->config_hash << ", exported was "
              << printable(exported, 64)
              << ": secrets were left out, or other layers say something else\n";
  }
}

int run(const ImportOptions& options) {
  auto target = edit_target(options.tree);
  if (!target) return report(target.error());
  const auto exported = read_exported(options.file);
  if (!exported) return report(exported.error());
  const auto changes = changes_of(*exported, target->root.path);
  if (!changes) return report(Error(changes.error()).in(printable(options.file, 400)));
  const int code = carry_out(*target, *changes);
  if (code == kExitDone) tell_hash(target->sources, exported->text_or("hash"));
  return code;
}

}  // namespace

Action declare_import(Arguments& arguments) {
  const auto options = std::make_shared<ImportOptions>();
  arguments.word("FILE", &options->file, "What klubster export wrote", true);
  arguments.options("--root", &options->tree.roots, "DIR",
                    "Write into the tree in DIR instead of this machine's layer 4");
  return [options] { return run(*options); };
}

}  // namespace klubster
