// profile.yaml and profile.env of a package, made into a Profile with every default filled in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "linux/package.h"
#include "model/profile.h"
#include "unpack/manifest_reader.h"

namespace klubster {

// What a package says about itself, as bytes.
struct ManifestSource {
  std::string yaml;                // profile.yaml
  std::optional<std::string> env;  // profile.env
};

// kInvalid, reason "ManifestInvalid", with all mistakes, one a line; reason "KlubsterTooOld" alone
// when `requires.klubster` asks for another version of the manifest.
Result<Profile> read_manifest(const ManifestSource& source, const PackageFiles& files);

// The parts, one file each. Internal to unpack/.
StepSpec read_step(MapReader& reader);
StepSpec read_command(const std::string& name, MapReader& reader);
// The default of `files`: the tree that `run` stands in.
std::vector<std::string> files_of_step(const StepSpec& step, const PackageFiles& files);

}  // namespace klubster
