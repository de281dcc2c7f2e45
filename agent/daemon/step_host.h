// What stands around a step's unit on this machine: the engine's StepHost.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/facts.h"
#include "daemon/places.h"
#include "engine/ports.h"
#include "model/node_config.h"

namespace klubster {

class StepFiles : public StepHost {
 public:
  StepFiles(Places places, FactStore& facts) : places_(std::move(places)), facts_(facts) {}

  void set_config(const NodeConfig& config);
  // What steps of the server phase are told of their cluster.
  void set_cluster(std::optional<ClusterMembership> cluster) { cluster_ = std::move(cluster); }
  // `addresses`: what the members said of themselves, by name; absent ones have none.
  Status write_members(const NodeConfig& config,
                       const std::map<std::string, std::vector<std::string>>& addresses);

  Result<TransientUnit> prepare(const Plan& plan, const Step& step,
                                const StartUnit& start) override;
  OutputsView keep_outputs(const Step& step) override;
  // Called with the directory of a sealed profile whose files are not those of its package.
  void on_damage(std::function<void(const std::string& profile_dir)> handler) {
    damaged_ = std::move(handler);
  }
  // Asked for what Core is told of telemetry, as NAME=value, when a step starts.
  void on_telemetry(std::function<std::vector<std::string>()> ask) { telemetry_ = std::move(ask); }
  // Once a step is done its outputs are in facts/ alone: the file may hold secrets.
  void drop_outputs(const Step& step) const;

 private:
  Status check_files(const Step& step);
  std::string outputs_file(const Step& step) const;
  std::string credentials_dir(const Step& step) const;

  Places places_;
  FactStore& facts_;
  std::string node_;
  std::optional<ClusterMembership> cluster_;
  std::vector<std::string> path_;
  std::set<std::string> proven_;  // what was read in this process: directory and digest
  std::function<void(const std::string&)> damaged_;
  std::function<std::vector<std::string>()> telemetry_;
};

// NAME=value lines of declared names, each at most once. kInvalid, reason "BadOutputs", for
// anything else; a sensitive value is never shown.
Result<Facts> parse_outputs(const std::string& text, const std::vector<OutputSpec>& declared);

}  // namespace klubster
