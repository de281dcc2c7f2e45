// Generations on disk: the config and the manifest that a generation runs by.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "daemon/places.h"
#include "model/event.h"
#include "model/node_state.h"
#include "model/profile.h"

namespace klubster {

struct Generation {
  GenerationFacts facts;
  Json config;  // model/node_config.h, secrets as salted digests
  Profile profile;
};

// generations/<N>/{generation.json,config.json,profile.json}; durable when it returns.
Status save_generation(const std::string& directory, const GenerationFacts& facts,
                       const Json& config, const Profile& profile);
// Where the config of a generation is.
std::string config_file(const std::string& directory, std::uint64_t number);
// The config alone, from any file of that form: kInvalid or kIo when it is not there, cut or
// damaged.
Result<Json> load_config(const std::string& path);
// kInvalid or kIo when it is not there or damaged: generation.json holds the digests of the others.
Result<Generation> load_generation(const std::string& directory, std::uint64_t number);

// This node's own salt for digests of secrets; made on first use. `known` is what was stored
// beside such digests: a file that is damaged, or gone, becomes it again. kIo.
Result<std::string> node_salt(const std::string& path, const std::optional<std::string>& known);
// With which the config of the generation in force was stored; nothing when it cannot be read.
std::optional<std::string> stored_salt(const Places& places, const NodeState& state);

}  // namespace klubster
