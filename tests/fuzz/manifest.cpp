// Fuzz target: profile.yaml, and after the first RS (0x1e) profile.env, to a Profile and back.
#include "unpack/manifest.h"

using namespace klubster;

namespace {

constexpr char kBeforeEnvironment = '\x1e';

void require(bool holds) {
  if (!holds) __builtin_trap();
}

PackageFiles package_files() {
  PackageFiles files;
  for (const char* path : {"bin/run", "bin/ready", "bin/check", "bin/undo", "scripts/install.sh"})
    files[path] = {true, 1, std::string(64, 'a')};
  for (const char* path : {"profile.yaml", "profile.env", "lib/data"})
    files[path] = {false, 1, std::string(64, 'b')};
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PackageFiles files = package_files();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find(kBeforeEnvironment);
  ManifestSource source;
  source.yaml = std::string(input.substr(0, cut));
  if (cut != std::string_view::npos) source.env = std::string(input.substr(cut + 1));

  const auto profile = read_manifest(source, files);

  if (!profile) {
    require(!profile.error().message().empty());
    return 0;
  }
  // What the worker writes is what klubsterd reads.
  const Json json = to_json(*profile);
  const auto text = parse_json(json.dump());
  require(text.has_value());
  const auto back = profile_from_json(*text);
  require(back.has_value());
  require(to_json(*back).dump() == json.dump());
  return 0;
}
