// Finding and checking the generation to return to.
#include "daemon/rollback.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "daemon/generations.h"
#include "daemon/in_place.h"
#include "linux/config_tree.h"
#include "linux/files.h"

namespace klubster {

namespace {

// What the daemon's sandbox hides is not gone.
bool is_gone(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) < 0 && errno == ENOENT;
}

Error not_kept(const Places& places, std::uint64_t number) {
  std::vector<std::string> kept;
  for (const std::uint64_t each : kept_generations(places))
    kept.push_back(std::to_string(each));
  return Error(ErrorKind::kInvalid, "NoSuchGeneration",
               "expected one that is kept (" + (kept.empty() ? "none is" : join(kept, ", ")) +
                   "), found " + std::to_string(number));
}

// The tools of the steps belong to the image, which no rollback of ours brings back.
Status check_tools(const NodeConfig& config, const NodeConfig* today, std::uint64_t number,
                   std::vector<std::string>& differs) {
  if (today == nullptr || today->steps_path == config.steps_path) return {};
  std::vector<std::string> gone;
  std::ranges::copy_if(config.steps_path, std::back_inserter(gone), is_gone);
  const std::string generation = "generation " + std::to_string(number);
  if (!gone.empty()) {
    return Error(ErrorKind::kInvalid, "ImageDiffers",
                 "the tools of " + generation + " are not in this system: " + join(gone, ", "))
        .hint("boot the system generation that has them, then klubster rollback " +
              std::to_string(number));
  }
  differs.push_back("the steps find their tools in " + join(config.steps_path, ":") + ", as in " +
                    generation + "; this system has " + join(today->steps_path, ":") +
                    " for that (the rest of the system is what was booted)");
  return {};
}

}  // namespace

std::vector<std::uint64_t> kept_generations(const Places& places) {
  std::vector<std::uint64_t> kept;
  const auto names = list_directory(places.generations());
  if (!names) return kept;
  for (const auto& name : *names) {
    const auto number = parse_number(name);
    if (!number) continue;
    const auto stored = load_generation(places.generations(), *number);
    if (stored && exists(places.profile(stored->facts.profile_sha256))) kept.push_back(*number);
  }
  std::ranges::sort(kept);
  return kept;
}

std::uint64_t default_rollback(const NodeState& state) {
  if (!state.generation) return 0;
  const auto in_force = [&](const GenerationFacts& good) {
    return good.number == state.generation->number || good.number == state.generation->rollback_of;
  };
  for (const auto* good : {&state.good, &state.good_before}) {
    if (*good && !in_force(**good)) return (*good)->number;
  }
  return 0;
}

Result<RollbackTarget> rollback_target(const Places& places, std::uint64_t number,
                                       const ConfigSources& sources, const NodeConfig* today,
                                       std::string_view salt) {
  if (!exists(config_file(places.generations(), number))) return not_kept(places, number);
  auto stored = load_generation(places.generations(), number);
  if (!stored) return std::move(stored.error()).in("generation " + std::to_string(number));
  if (!exists(places.profile(stored->facts.profile_sha256))) return not_kept(places, number);
  if (today != nullptr) {
    if (auto fits = check_in_place(stored->config, *today, salt); !fits) return fits.error();
  }
  auto config = restore_config(stored->config, sources);
  if (!config) return std::move(config.error()).in("generation " + std::to_string(number));
  if (!config->warnings.empty()) {  // it warns of each secret that it lacks
    return Error(ErrorKind::kInvalid, "SecretMissing", join(config->warnings, "\n"))
        .in("generation " + std::to_string(number));
  }
  std::vector<std::string> differs;
  if (auto tools = check_tools(*config, today, number, differs); !tools) return tools.error();
  return RollbackTarget{std::move(stored->facts), std::move(*config), std::move(stored->profile),
                        std::move(differs)};
}

}  // namespace klubster
