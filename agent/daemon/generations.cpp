// Saving and loading generations.
#include "daemon/generations.h"

#include "base/digest.h"
#include "linux/files.h"
#include "model/node_config.h"

namespace klubster {

namespace {

constexpr JsonLimits kLimits{.bytes = 4 * 1024 * 1024, .depth = 24};
constexpr std::size_t kSaltBytes = 32;

Result<Json> load_json(const std::string& path) {
  auto bytes = read_file(path, kLimits.bytes);
  if (!bytes) return bytes.error();
  return parse_json(*bytes, kLimits).in(path);
}

}  // namespace

Status save_generation(const std::string& directory, std::uint64_t number, const Json& config,
                       const Profile& profile) {
  const std::string path = directory + "/" + std::to_string(number);
  if (auto made = make_directory(path, 0700); !made) return made;
  if (auto kept = write_file_durably(path + "/config.json", config.pretty() + "\n", 0600); !kept) {
    return kept;
  }
  const std::string manifest = to_json(profile).pretty() + "\n";
  if (auto kept = write_file_durably(path + "/profile.json", manifest, 0600); !kept) return kept;
  return sync_directory(directory);
}

std::string config_file(const std::string& directory, std::uint64_t number) {
  return directory + "/" + std::to_string(number) + "/config.json";
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
  auto config = load_config(config_file(directory, number));
  if (!config) return config.error();
  auto manifest = load_json(path + "/profile.json");
  if (!manifest) return manifest.error();
  auto profile = profile_from_json(*manifest);
  if (!profile) return std::move(profile.error()).in(path + "/profile.json");
  return Generation{std::move(*config), std::move(*profile)};
}

Result<std::string> node_salt(const std::string& path) {
  if (exists(path)) return read_file(path, kSaltBytes);
  const std::string salt = random_bytes(kSaltBytes);
  if (auto kept = write_file_durably(path, salt, 0600); !kept) return kept.error();
  return salt;
}

}  // namespace klubster
