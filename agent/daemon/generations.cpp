// Saving and loading generations.
#include "daemon/generations.h"

#include <sys/stat.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/names.h"
#include "linux/files.h"
#include "model/node_config.h"

namespace klubster {

namespace {

constexpr JsonLimits kLimits{.bytes = names::kGenerationJsonBytes, .depth = 24};
constexpr std::size_t kSaltBytes = 32;
constexpr const char* kFacts = "generation.json";
constexpr const char* kProfile = "profile.json";

Error damaged(const std::string& path) {
  return Error(ErrorKind::kIo, "StateDamaged", "it is not what was written").in(path);
}

Result<Json> load_json(const std::string& path) {
  auto bytes = read_file(path, kLimits.bytes);
  if (!bytes) return bytes.error();
  return parse_json(*bytes, kLimits).in(path);
}

}  // namespace

// The facts come last: without them there is no generation.
Status save_generation(const std::string& directory, const GenerationFacts& facts,
                       const Json& config, const Profile& profile) {
  const std::string path = directory + "/" + std::to_string(facts.number);
  if (auto made = make_directory(path, 0700); !made) return made;
  const std::pair<const char*, std::string> files[] = {
      {names::kGenerationConfig, config.pretty() + "\n"},
      {kProfile, to_json(profile).pretty() + "\n"}};
  Json told = to_json(facts);
  for (const auto& [name, text] : files) {
    if (auto kept = write_file_durably(path + "/" + name, text, 0600); !kept) return kept;
    told["digests"][name] = sha256_hex(text);
  }
  auto kept = write_file_durably(path + "/" + kFacts, told.pretty() + "\n", 0600);
  if (!kept) return kept;
  return sync_directory(directory);
}

std::string config_file(const std::string& directory, std::uint64_t number) {
  return directory + "/" + std::to_string(number) + "/" + names::kGenerationConfig;
}

Result<Json> load_config(const std::string& path) {
  auto config = load_json(path);
  if (!config) return config;
  if (auto read = node_config_from_json(*config, {}); !read) {
    return std::move(read.error()).in(path);
  }
  return config;
}

Result<Generation> load_generation(const std::string& directory, std::uint64_t number) {
  const std::string path = directory + "/" + std::to_string(number);
  auto told = load_json(path + "/" + kFacts);
  if (!told) return told.error();
  GenerationFacts facts = generation_facts_from(*told);
  if (facts.number != number) return damaged(path + "/" + kFacts);
  for (const char* name : {names::kGenerationConfig, kProfile}) {
    // One that was made before there were digests has none.
    const std::string digest = told->get("digests").text_or(name);
    auto bytes = read_file(path + "/" + name, kLimits.bytes);
    if (!bytes) return bytes.error();
    if (!digest.empty() && sha256_hex(*bytes) != digest) return damaged(path + "/" + name);
  }
  auto config = load_config(config_file(directory, number));
  if (!config) return config.error();
  auto manifest = load_json(path + "/" + kProfile);
  if (!manifest) return manifest.error();
  auto profile = profile_from_json(*manifest);
  if (!profile) return std::move(profile.error()).in(path + "/" + kProfile);
  return Generation{std::move(facts), std::move(*config), std::move(*profile)};
}

Result<std::string> node_salt(const std::string& path, const std::optional<std::string>& known) {
  struct stat info = {};
  const bool there = ::lstat(path.c_str(), &info) == 0;
  if (there) {
    auto kept = S_ISREG(info.st_mode) ? read_file(path, kSaltBytes) : damaged(path);
    if (kept && kept->size() == kSaltBytes && (!known || *kept == *known)) return kept;
    log_warning(
        path + " is damaged, kept as " + path + ".damaged and made " +
        (known ? "again from the stored config" : "anew: steps that are given secrets run again"));
    if (auto moved = rename_durably(path, path + ".damaged"); !moved) return moved.error();
  }
  const std::string salt = known ? *known : random_bytes(kSaltBytes);
  if (auto kept = write_file_durably(path, salt, 0600); !kept) return kept.error();
  return salt;
}

std::optional<std::string> stored_salt(const Places& places, const NodeState& state) {
  if (!state.generation) return std::nullopt;
  // No other file that has it tells whether it is whole itself.
  const auto made_of = load_generation(places.generations(), state.generation->number);
  if (!made_of) return std::nullopt;
  auto salt = from_hex(made_of->config.text_or("salt"));
  return salt && salt->size() == kSaltBytes ? std::optional<std::string>(*salt) : std::nullopt;
}

}  // namespace klubster
