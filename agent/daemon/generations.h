// Generations on disk: the config and the manifest that a generation runs by.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "model/profile.h"

namespace klubster {

struct Generation {
  Json config;  // model/node_config.h, secrets as salted digests
  Profile profile;
};

// generations/<N>/{config.json,profile.json}; durable when it returns.
Status save_generation(const std::string& directory, std::uint64_t number, const Json& config,
                       const Profile& profile);
// Where the config of a generation is.
std::string config_file(const std::string& directory, std::uint64_t number);
// The config alone, from any file of that form: kInvalid or kIo when it is not there, cut or
// damaged.
Result<Json> load_config(const std::string& path);
// kInvalid or kIo when it is not there or damaged.
Result<Generation> load_generation(const std::string& directory, std::uint64_t number);

// This node's own salt for digests of secrets; made on first use.
Result<std::string> node_salt(const std::string& path);

}  // namespace klubster
