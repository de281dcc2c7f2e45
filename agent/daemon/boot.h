// This boot: what kind it is, and whether it is good.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/places.h"
#include "engine/boot_assessment.h"
#include "engine/boot_kind.h"
#include "engine/ports.h"
#include "linux/config_sources.h"
#include "model/node_state.h"

namespace klubster {

// What the agent finds at its start, before it has written anything.
struct BootFindings {
  const NodeState& state;
  const std::string& boot;    // the boot ID
  const std::string& damage;  // of the event log
  const ConfigSources& sources;
  const Status& tree;                   // of reading it
  std::string generation_trouble = {};  // of restoring it
  std::optional<std::string> reset_by = {};
  LoaderVerdict loader = LoaderVerdict::kUnknown;
};
BootFacts boot_facts(const BootFindings& found, const Places& places);

// Judges the boot again and again until it is good.
class BootJudge {
 public:
  // `again` is called when time alone may have changed the judgement.
  BootJudge(Timers& timers, std::function<void()> again)
      : timers_(timers), again_(std::move(again)) {}

  void begin();
  // One that was blessed stays good. The times of `facts` are filled in here; they begin anew when
  // it is bad no longer.
  const Assessment& judge(const NodeState& state, AssessmentFacts facts, const Decision& decision);
  const Assessment& assessment() const { return assessment_; }

 private:
  AssessmentFacts timed(AssessmentFacts facts) const;

  Timers& timers_;
  std::function<void()> again_;
  std::uint64_t begun_mono_usec_ = 0;
  Assessment assessment_;
};

// What is wrong with the state or the config, of the agent's problems by topic; empty: nothing that
// concerns the boot.
std::string unsound_state(const NodeState& state, const std::string& damage,
                          const std::map<std::string, Error>& problems, bool has_plan);

}  // namespace klubster
