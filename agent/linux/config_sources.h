// Where the config tree of a machine is: roots, credentials, kernel command line, variables.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/hardware.h"
#include "model/tree.h"

namespace klubster {

struct ConfigRoot {
  int layer = 0;
  std::string path;
  // Of a medium that anybody may have made: links are not followed, and who may read a file there
  // says nothing.
  bool foreign = false;
};

struct ConfigSources {
  std::vector<ConfigRoot> roots;  // lowest first; one that does not exist is an empty layer
  std::string hostname;
  std::string node;  // forced name (`--node`); empty: node/name, else match/, else the hostname

  std::string credentials = {};                       // directory; empty: layer 6 is empty
  std::vector<std::string> kernel_words = {};         // layer 7
  std::map<std::string, std::string> locations = {};  // layer 8: KLUBSTER_…_FILE -> path
  std::optional<Hardware> hardware = {};              // nullopt: match/ is not looked at
  // The tree is looked at elsewhere than where it will be used: a secret that it lacks is a
  // warning, since it may reach the machine as a credential.
  bool elsewhere = false;
};

// Those of this machine: the four roots of names::kConfigRoots, or those of $KLUBSTER_CONFIG_PATH
// (dir:dir:…, lowest first), and everything above them.
ConfigSources system_config_sources();
// Only these directories, as on a laptop that holds a fleet's tree: `paths` as layers 2 to 5, the
// last one the highest; one alone is layer 3.
ConfigSources fleet_config_sources(const std::vector<std::string>& paths);

// The words that the kernel was booted with. In a container those of its PID 1, as for systemd
// itself. $KLUBSTER_PROC_CMDLINE may name another file, for tests.
std::vector<std::string> kernel_command_line();

// Layers 6 and 8 as they are now. What cannot be read is in their problems.
TreeLayer credential_layer(const std::string& directory);
TreeLayer location_layer(const std::map<std::string, std::string>& locations);

// Why a file of this mode may not hold a secret: others can read it. nullopt: it may.
std::optional<std::string> exposed_secret(std::string_view key, unsigned mode);

}  // namespace klubster
