// The other names of a key: as a credential or kernel parameter, and as a location variable.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/schema.h"

namespace klubster {

// "klubster.": what names of credentials and kernel parameters of ours begin with.
inline constexpr std::string_view kDottedPrefix = "klubster.";
// The ends of names of files that say something about a key instead of giving it a value.
inline constexpr std::string_view kUnsetSuffix = ".unset";
inline constexpr std::string_view kLockSuffix = ".lock";

// Whether the pattern has a segment in angle brackets, so that any number of keys fall under it.
bool is_open_ended(const KeySpec& spec);

// "node/modes" is "klubster.node.modes", for credentials and the kernel command line.
std::string credential_name(std::string_view key);
// The way back: "klubster.members.n1.modes" is "members/n1/modes". An end .unset or .lock stays.
// Where a label key has dots, the last one ends its prefix, if that makes a key. nullopt: no key of
// the schema.
std::optional<std::string> key_of_credential(std::string_view name);

// "KLUBSTER_NODE_MODES_FILE": the environment variable that says where the key's file is. Empty for
// open-ended keys, which have none.
std::string location_variable(const KeySpec& spec);

}  // namespace klubster
