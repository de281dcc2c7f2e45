// The generation in force: the config and the profile that its steps see, and their plan.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/facts.h"
#include "daemon/places.h"
#include "engine/plan.h"
#include "linux/config_sources.h"
#include "model/node_config.h"
#include "model/node_state.h"

namespace klubster {

class PresentGeneration {
 public:
  // `facts`: of peers, as far as they are known by now.
  PresentGeneration(Places places, std::string salt, const FactStore& facts)
      : places_(std::move(places)), salt_(std::move(salt)), facts_(facts) {}

  bool known() const { return held_.has_value(); }
  // False: a secret of it could not be read.
  bool whole() const { return held_ && held_->whole; }
  // While known.
  const NodeConfig& config() const { return held_->config; }
  const Profile& profile() const { return held_->profile; }

  // From disk, with today's secrets, without network. kInvalid or kIo: it stays unknown.
  Status restore(const GenerationFacts& generation, const ConfigSources& sources);
  // A new one, kept on disk before it is in force.
  Status make(const GenerationFacts& generation, const NodeConfig& config, Profile profile);
  // The same generation, whose secrets could be read in the meantime.
  void renew(const NodeConfig& config) {
    held_->config = config;
    held_->whole = true;
    held_->changed.clear();
  }

  // The plan of the generation in force, with the facts that are known by now, the commands that
  // were asked for, and what earlier generations left. Errors as make_plan().
  Result<Plan> plan(const NodeState& state, const ConfigSources& sources);
  // The plan that these would make: its steps alone.
  Result<Plan> plan_of(const NodeConfig& config, const Profile& profile, std::uint64_t number,
                       const std::string& sha256) const;
  // Whether this server begins the cluster (PlanInputs::begins_cluster).
  void set_begins_cluster(bool begins) { begins_cluster_ = begins; }
  // What of earlier generations cannot be undone, since they are no longer on the disk.
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  // What the generation was made of: its steps see nothing else until there is a new one.
  struct Held {
    NodeConfig config;
    Profile profile;
    bool whole;
    std::set<std::string> changed;  // inputs whose secret is another one by now
  };

  PlanInputs inputs_of(const NodeConfig& config, std::uint64_t number,
                       const std::string& sha256) const;
  std::vector<Step> obsolete(const Plan& plan, const NodeState& state,
                             const ConfigSources& sources);

  Places places_;
  std::string salt_;
  const FactStore& facts_;
  std::optional<Held> held_;
  bool begins_cluster_ = false;
  std::optional<Error> trouble_;
};

}  // namespace klubster
