// Forgetting, the log last.
#include "store/forget.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/names.h"
#include "linux/files.h"
#include "store/directory.h"

namespace klubster {

namespace {

constexpr const char* kLog = "log";
constexpr const char* kStaging = "staging";
constexpr std::array<std::string_view, 4> kKept = {"config", names::kMediaDir, names::kMediaRecord,
                                                   names::kResetOrder};

// Everything below the directory that is not kept; the first thing that could not be removed.
std::optional<Error> remove_below(int directory, const auto& is_kept) {
  auto names = list_directory(directory);
  if (!names) return names.error();
  std::optional<Error> left;
  for (const auto& name : *names) {
    if (is_kept(name)) continue;
    Removed removed = remove_tree(directory, name);
    if (removed.left && !left) left = std::move(removed.left);
  }
  return left;
}

}  // namespace

Status forget(const std::string& state_dir, const std::string& peer_dir) {
  auto bytes = read_file(state_dir + "/" + std::string(names::kResetOrder), names::kSmallJsonBytes);
  if (!bytes) return bytes.error();
  const auto order = parse_json(*bytes);
  if (!order) return Error(order.error()).in("reading what is to be forgotten");

  if (order->bool_or("identity") && exists(peer_dir)) {
    auto peer = open_file(peer_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!peer) return peer.error();
    if (auto left = remove_below(peer->get(), [](const std::string&) { return false; })) {
      return std::move(*left).in("forgetting the identity");
    }
    if (auto synced = sync_directory(peer_dir); !synced) return synced;
  }
  auto state = open_file(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!state) return state.error();
  const auto stays = [](const std::string& name) {
    return name == kLog || std::ranges::count(kKept, name) != 0;
  };
  if (auto left = remove_below(state->get(), stays)) {
    return std::move(*left).in("forgetting profiles and state");
  }
  if (auto synced = sync_directory(state_dir); !synced) return synced;
  // At once: of half a log the daemon would believe the half, and no longer that it was to go. What
  // a cut leaves below staging/ goes with the next collection.
  const auto staging = open_or_make_directory(state->get(), kStaging, 0700);
  if (!staging) return staging.error();
  if (::renameat(state->get(), kLog, staging->get(), kLog) != 0 && errno != ENOENT) {
    return system_error("retiring the event log", errno);
  }
  if (auto synced = sync_directory(state_dir); !synced) return synced;
  if (auto left = remove_tree(state->get(), kStaging).left) {
    return std::move(*left).in("forgetting the event log");
  }
  return sync_directory(state_dir);
}

}  // namespace klubster
