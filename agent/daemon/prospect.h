// `klubster plan` as JSON: what comes next, step by step, and what differs. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "daemon/status.h"

namespace klubster {

// Everything that a plan is told from, at one moment.
struct Prospect {
  Scene scene;
  const std::map<std::string, NeedView>& needs;
  // What an apply would work on; nullptr: that cannot be told now. The present plan, when nothing
  // else comes.
  const Plan* target = nullptr;
  std::optional<GenerationFacts> next = {};  // the generation that an apply would make
  Json changes = Json::array();              // config_changes(), of that generation
  std::optional<Error> obstacle = {};        // why there is no target, or why it cannot be applied
  bool pending = false;                      // an apply would make a generation
  bool unanswered = false;                   // checks were asked again, and not all have answered
};

// The shape is documented in docs/plan.md. The same prospect gives the same bytes.
Json plan_json(const Prospect& prospect);

}  // namespace klubster
