// What stands around a step's unit on this machine: the engine's StepHost.
#pragma once

#include <string>

#include "daemon/facts.h"
#include "daemon/places.h"
#include "engine/ports.h"
#include "model/node_config.h"

namespace klubster {

class StepFiles : public StepHost {
 public:
  StepFiles(Places places, FactStore& facts) : places_(std::move(places)), facts_(facts) {}

  void set_config(const NodeConfig& config);
  // `addresses`: what the members said of themselves, by name; absent ones have none.
  Status write_members(const NodeConfig& config,
                       const std::map<std::string, std::vector<std::string>>& addresses);

  Result<TransientUnit> prepare(const Plan& plan, const Step& step,
                                const StartUnit& start) override;
  OutputsView keep_outputs(const Step& step) override;
  // Once a step is done its outputs are in facts/ alone: the file may hold secrets.
  void drop_outputs(const Step& step) const;

 private:
  std::string outputs_file(const Step& step) const;
  std::string credentials_dir(const Step& step) const;

  Places places_;
  FactStore& facts_;
  std::string node_;
  std::string first_server_;
  std::vector<std::string> path_;
};

// NAME=value lines of declared names, each at most once. kInvalid, reason "BadOutputs", for
// anything else; a sensitive value is never shown.
Result<Facts> parse_outputs(const std::string& text, const std::vector<OutputSpec>& declared);

}  // namespace klubster
