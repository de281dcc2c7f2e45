// What differs between the config and profile in force and those that come next. Pure.
#pragma once

#include "base/json.h"
#include "model/profile.h"

namespace klubster {

// One side: a config in its stored form (model/node_config.h, with digests of secrets), and the
// profile whose inputs it gives values to; nullptr: none is known.
struct ConfigSide {
  const Json& config;
  const Profile* profile = nullptr;
};

// [{"what":"input"|"key"|"path","name","change":"added"|"changed"|"removed","secret",
//   "before":SIDE,"after":SIDE}], sorted by what and name. SIDE is null or {"value","layer","file"}
// where the layer may also be "package" (profile.env); a secret has no value. A key that is gone
// has its default in "default", if it has one. Inputs that the profile names stand here by name,
// whichever file they come from; of two digests with different salts nothing is said.
Json config_changes(const ConfigSide& before, const ConfigSide& after);

}  // namespace klubster
