// Taking a tree into force, and going back to what was.
#include "daemon/config_in_force.h"

#include <algorithm>

#include "daemon/generations.h"
#include "daemon/in_place.h"
#include "linux/config_tree.h"
#include "linux/files.h"

namespace klubster {

namespace {

std::set<std::string> sensitive_before(const std::string& path) {
  if (!exists(path)) return {};
  const auto before = load_config(path);
  return before ? keys_kept_secret(*before) : std::set<std::string>();
}

// Of the mistakes of a tree, which a directory of something else has by the thousand: the event log
// takes no event of more than 1 MiB, and nobody reads on.
constexpr std::size_t kToldBytes = 16 * 1024;

Error told(const Error& error) {
  const std::string all = error.message();
  if (all.size() <= kToldBytes) return error;
  const std::string first = all.substr(0, all.rfind('\n', kToldBytes));
  const auto rest = std::count(all.begin() + static_cast<long>(first.size()), all.end(), '\n');
  return {error.kind(), error.reason(), first + "\nand " + std::to_string(rest) + " more mistakes"};
}

}  // namespace

Status ConfigInForce::read(const ConfigSources& sources, const NodeState& state) {
  auto next = resolve_config(sources);
  // Of a tree that is refused again what was told about the kept one stays true.
  if (next || !known_) trouble_.reset();
  const bool bound = state.generation && !state.gone;
  if (next && bound) {
    // From disk, so that a change made while the machine was off is noticed, too.
    const auto before = stored(state);
    const Status fits = before ? check_in_place(*before, *next, salt_) : Status();
    if (!fits) next = fits.error();
  }
  if (!next) {
    if (!known_) restore(sources, state);
    if (!known_) config_.node = sources.hostname;  // somebody has to say what is wrong
    return told(next.error());
  }
  config_ = std::move(*next);
  known_ = whole_ = true;
  keep();
  return {};
}

// The stored form of what is in force: the last good config, unless only the generation's is what
// the event log says was accepted last (the disk had been full).
std::optional<Json> ConfigInForce::stored(const NodeState& state) {
  std::optional<Json> kept;
  if (exists(places_.last_good())) {
    auto read = load_config(places_.last_good());
    if (read) kept = std::move(*read);
    if (!read) trouble_ = std::move(read.error()).in("reading the last good config");
  }
  if (kept && kept->text_or("hash") == state.config_hash) return kept;
  if (!state.generation) return kept;
  if (kept && state.generation->config_hash != state.config_hash) return kept;
  auto made_of = load_config(config_file(places_.generations(), state.generation->number));
  return made_of ? std::move(*made_of) : std::move(kept);
}

void ConfigInForce::restore(const ConfigSources& sources, const NodeState& state) {
  const auto before = stored(state);
  if (!before) return;
  auto config = restore_config(*before, sources);
  if (!config) {  // today's secrets do not fit it
    trouble_ = std::move(config.error()).in("restoring the last good config");
    return;
  }
  config_ = std::move(*config);
  known_ = true;
  whole_ = config_.config_hash == before->text_or("hash");
}

void ConfigInForce::treat_as_secret(std::set<std::string> keys) {
  if (sensitive_ == keys) return;
  sensitive_ = std::move(keys);
  if (known_ && whole_) keep();
}

void ConfigInForce::keep() {
  const auto sensitive = sensitive_ ? *sensitive_ : sensitive_before(places_.last_good());
  const std::string text = to_json(config_, SecretForm::kDigest, salt_, sensitive).pretty() + "\n";
  const auto before = read_file(places_.last_good(), text.size());
  if (before && *before == text) return;
  if (auto kept = write_file_durably(places_.last_good(), text, 0600); !kept) {
    trouble_ = std::move(kept.error()).in("keeping the last good config");
  } else {
    trouble_.reset();  // a damaged one is replaced
  }
}

}  // namespace klubster
