// What a profile must hold beyond its shape: the rules that the unpack worker and the daemon share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/profile.h"

namespace klubster {

// The version of the manifest that this program understands: `requires.klubster` is checked
// against it.
inline constexpr int kManifestVersion = 1;

// A mistake at a place in manifest notation: "spec.modes.server.steps[1].after[0]".
struct ProfileProblem {
  std::string path;
  std::string message;  // "expected …, found …"
};

// All mistakes at once, in the order of the manifest; empty when the profile may be believed.
// Says nothing about which files the package holds: only the unpack worker can see them.
std::vector<ProfileProblem> check_profile(const Profile& profile);

// Whether `constraint` (">=1", ">=1 <3", "=1") holds for `version`; nullopt when it is malformed.
std::optional<bool> version_satisfies(int version, std::string_view constraint);

// A value of `unit` in the form that to_json() writes: kUint64 and kOctal as an integer, kUsec as
// microseconds (all three may be the text "infinity", kOctal not), kStringList as a list of texts.
// Takes what a manifest may say ("64M", "30s", "0022", one text instead of a list). kInvalid,
// reason "ManifestInvalid", when the value does not fit.
Result<Json> unit_property_value(const UnitProperty& property, const Json& value);

// The words of the manifest.
std::string_view to_string(InputSource source);
std::string_view to_string(InputType type);
std::string_view to_string(StepKind kind);
std::optional<InputSource> input_source_from(std::string_view text);
std::optional<InputType> input_type_from(std::string_view text);
std::optional<StepKind> step_kind_from(std::string_view text);
std::vector<std::string> input_source_words();
std::vector<std::string> input_type_words();
// What productive-k3s-infra runs a package without modes with. Other words are told, not refused:
// nothing here runs by them.
std::vector<std::string> engine_words();
std::vector<std::string> scenario_words();
// The keys of a mapping below requires.infra and requires.core; those that end in a version take
// X.Y.Z.
std::vector<std::string> requirement_words(std::string_view component);

// Relative, no empty, "." or ".." part, no control characters, not starting with "-".
bool is_package_path(std::string_view path);

}  // namespace klubster
