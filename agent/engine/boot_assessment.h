// Whether a boot is good: what `klubster boot check`, and by it the boot loader, is told. Pure.
#pragma once

#include <string>
#include <string_view>

#include "engine/reconcile.h"

namespace klubster {

enum class BootJudgement { kPending, kGood, kBad };
// "pending", "good", "bad"
std::string_view to_string(BootJudgement judgement);

struct AssessmentFacts {
  bool demand_ready = false;  // recovery/bless is `ready`
  std::string unsound = {};   // what is wrong with the state or the config; empty: nothing
  std::string recovery = {};  // why the node is in recovery mode; empty: it is not
  bool moving = false;        // something is under way beside the steps
  bool settling = false;      // peers may still have to be heard: what waits may soon move
  bool over = false;          // there was time enough
};

struct Assessment {
  BootJudgement judgement = BootJudgement::kPending;
  std::string reason;
};

// A boot is good when the state is sound and nothing has failed for good or needs a person. What
// waits for a peer has not failed, nor has what failed without its peers; what is under way is
// waited for until time is over. With `demand_ready` all phases must be ready by then.
Assessment assess_boot(const AssessmentFacts& facts, const Decision& decision);

}  // namespace klubster
