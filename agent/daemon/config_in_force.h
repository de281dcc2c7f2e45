// What this node was told to be: the newest config tree that could be used, kept on disk.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "daemon/places.h"
#include "linux/config_sources.h"
#include "model/node_config.h"
#include "model/node_state.h"

namespace klubster {

// A tree that cannot be used changes nothing: what was last good stays in force, across reboots,
// from last-good.json (secrets as salted digests, today's ones from the tree), else from the last
// generation.
class ConfigInForce {
 public:
  ConfigInForce(Places places, std::string salt)
      : places_(std::move(places)), salt_(std::move(salt)) {}

  // Reads the tree and takes what it says into force. Otherwise says why not: ConfigInvalid,
  // Unpinned, or NotInPlace while the node belongs to a cluster.
  Status read(const ConfigSources& sources, const NodeState& state);

  // What is a secret although the schema does not say so: sensitive_keys() of the profile in force.
  // Until that is known, what was one on the disk stays one.
  void treat_as_secret(std::set<std::string> keys);

  // False: nothing was ever in force that could be read back.
  bool known() const { return known_; }
  // Whether a new generation may be made of it: not while a secret of it cannot be read.
  bool whole() const { return known_ && whole_; }
  // While nothing is known, only a node's name to show.
  const NodeConfig& config() const { return config_; }
  // What was wrong with keeping it on disk; nullopt: nothing.
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  std::optional<Json> stored(const NodeState& state);
  void restore(const ConfigSources& sources, const NodeState& state);
  void keep();

  Places places_;
  std::string salt_;
  NodeConfig config_;
  std::optional<std::set<std::string>> sensitive_;
  bool known_ = false;
  bool whole_ = false;
  std::optional<Error> trouble_;
};

}  // namespace klubster
