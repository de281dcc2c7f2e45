// Paths of the tree, taken apart.
#include "model/tree_entry.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/key_names.h"
#include "model/schema.h"

namespace klubster {

namespace {

constexpr std::array<std::string_view, 5> kKindNames = {"", "environment", "cluster", "mode",
                                                        "node"};
constexpr std::string_view kOverlays = "overlays/";
constexpr std::string_view kMatch = "match/";

// "members", "profile/trusted-keys.d": a directory of the schema.
bool is_key_directory(std::string_view path) {
  const auto parts = split(path, '/');
  return std::ranges::any_of(schema(), [&](const KeySpec& spec) {
    const auto segments = split(spec.pattern, '/');
    if (segments.size() <= parts.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (segments[i] != parts[i] && segments[i][0] != '<') return false;
    }
    return true;
  });
}

// An overlay may not set what decides whether it applies, or what was decided before.
std::optional<std::string> forbidden_in_overlay(const TreeEntry& entry) {
  if (entry.kind == OverlayKind::kBase) return std::nullopt;
  const bool modes = entry.key == "node/modes" ||
                     (entry.key.starts_with("members/") && entry.key.ends_with("/modes"));
  const bool place = entry.key == "node/environment" || entry.key == "cluster/name";
  const bool forbidden = entry.key == "node/name" || (place && entry.kind != OverlayKind::kNode) ||
                         (modes && entry.kind == OverlayKind::kMode);
  if (!forbidden) return std::nullopt;
  const std::string kind(overlay_kind_name(entry.kind));
  return "expected it outside of " + kind +
         " overlays, since it decides which of them apply, found it in overlays/" + kind + "=" +
         entry.overlay;
}

std::string unknown_key(const std::string& key) {
  if (is_key_directory(key)) return "expected a directory, found a file";
  std::string message = "expected a key that klubster knows, found `" + printable(key, 120) + "`";
  const std::string meant = nearest_key(key);
  if (!meant.empty() && meant != key) message += " (did you mean " + meant + "?)";
  return message;
}

// What is wrong with an entry that sets, removes or locks.
std::optional<std::string> mistake(const TreeEntry& entry, const KeySpec* spec, int layer) {
  if (auto forbidden = forbidden_in_overlay(entry)) return forbidden;
  if (entry.action != EntryAction::kSet) {
    if (entry.source->value.empty()) return std::nullopt;
    return "expected an empty file, since its name ends in .unset or .lock, found content";
  }
  if (layer == kLayerKernel && spec->secret) {
    return "expected this secret in a file or as the credential " + credential_name(entry.key) +
           ", found it on the kernel command line, which everybody can read";
  }
  if (const auto fits = check_value(*spec, entry.source->value); !fits) {
    return fits.error().message();
  }
  return std::nullopt;
}

}  // namespace

std::string_view overlay_kind_name(OverlayKind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

OverlayPath overlay_path(std::string_view path) {
  OverlayPath found;
  if (!path.starts_with(kOverlays)) {
    found.rest = path;
    return found;
  }
  path.remove_prefix(kOverlays.size());
  const auto slash = path.find('/');
  const std::string_view head = path.substr(0, slash);
  const auto equals = head.find('=');
  const auto kind = std::find(kKindNames.begin() + 1, kKindNames.end(), head.substr(0, equals));
  if (equals == std::string_view::npos || kind == kKindNames.end()) {
    found.wrong =
        "expected overlays/KIND=NAME/… with KIND one of environment, cluster, mode, node, found "
        "overlays/" +
        printable(head, 80);
    return found;
  }
  found.kind = static_cast<OverlayKind>(kind - kKindNames.begin());
  found.name = head.substr(equals + 1);
  if (!is_plain_name(found.name)) {
    found.wrong =
        "expected a name of a-z, 0-9 and - after `=`, found overlays/" + printable(head, 80);
  }
  if (slash != std::string_view::npos) found.rest = path.substr(slash + 1);
  return found;
}

TreeEntry tree_entry(const TreeFile& file, int layer) {
  OverlayPath path = overlay_path(file.key);
  TreeEntry entry{
      path.kind, std::move(path.name), EntryAction::kSet, std::move(path.rest), &file, {}, false};
  const auto refuse = [&](const std::string& key, std::string message) {
    entry.problem = TreeProblem{file.file, key, std::move(message), "ConfigInvalid"};
  };
  if (path.wrong) {
    entry.kind = OverlayKind::kBase;  // nobody's overlay: everybody is told
    refuse(file.key, std::move(*path.wrong));
    return entry;
  }
  if (entry.key.ends_with(kUnsetSuffix)) {
    entry.action = EntryAction::kUnset;
    entry.key.resize(entry.key.size() - kUnsetSuffix.size());
  } else if (entry.key.ends_with(kLockSuffix)) {
    entry.action = EntryAction::kLock;
    entry.key.resize(entry.key.size() - kLockSuffix.size());
  }
  if (entry.kind == OverlayKind::kNode && entry.key.starts_with(kMatch) &&
      entry.action != EntryAction::kLock) {
    entry.key.erase(0, kMatch.size());
    entry.action = entry.action == EntryAction::kSet ? EntryAction::kMatch : EntryAction::kUnmatch;
    return entry;
  }
  const KeySpec* spec = find_key(entry.key);
  const bool directory = entry.action != EntryAction::kSet && is_key_directory(entry.key);
  if (spec == nullptr && !directory) {
    refuse(entry.key, unknown_key(entry.key));
    // Layer 4 may have been written by a newer klubster than the one that runs after a fallback to
    // an older image.
    entry.tolerated = layer == kLayerMachine;
  } else if (auto wrong = mistake(entry, spec, layer)) {
    refuse(entry.key, std::move(*wrong));
  }
  return entry;
}

}  // namespace klubster
