// The table of boot kinds.
#include "engine/boot_kind.h"

#include <vector>

#include "base/text.h"

namespace klubster {

namespace {

using Reasons = std::vector<std::string>;

Reasons why_recovery(const BootFacts& facts) {
  Reasons found;
  if (facts.recovery_asked) found.emplace_back("klubster.recovery=1 is on the kernel command line");
  if (!facts.recovery.empty()) found.push_back("recovery mode was not left: " + facts.recovery);
  return found;
}

// What keeps the agent from knowing its own past or its purpose.
Reasons why_degraded(const BootFacts& facts) {
  Reasons found;
  const std::string log(kLogTrouble);
  if (!facts.damage.empty()) found.push_back(log + "damaged: " + facts.damage);
  if (facts.damage.empty() && !facts.log_found && facts.remains && facts.reset_by.empty()) {
    found.push_back(log + "gone, but not what it told of");
  }
  if (!facts.generation_trouble.empty()) found.push_back(facts.generation_trouble);
  if (facts.same_boot_id) found.emplace_back("the boot ID is that of the last boot");
  if (facts.tree == TreeVerdict::kUnknown) {
    found.emplace_back("it is not known whether the config tree can be used");
  }
  if (facts.tree == TreeVerdict::kRefused) {
    found.emplace_back("the config tree was refused, and the last good one in force");
  }
  if (facts.loader == LoaderVerdict::kExhausted) {
    found.emplace_back("the boot loader has no tries left for this image");
  }
  return found;
}

Reasons why_first(const BootFacts& facts) {
  if (facts.log_found) return {};
  if (facts.reset_by.empty()) return {"no event log was there"};
  return {"the node was reset, as " + facts.reset_by + " ordered"};
}

Reasons why_rollback(const BootFacts& facts) {
  if (!facts.on_trial || facts.rollback_of == 0) return {};
  return {"generation " + std::to_string(facts.generation) + " went back to generation " +
          std::to_string(facts.rollback_of) + " and was not ready yet"};
}

Reasons why_trial(const BootFacts& facts) {
  Reasons found;
  if (facts.on_trial && facts.rollback_of == 0) {
    found.push_back("generation " + std::to_string(facts.generation) + " was not ready yet");
  }
  if (facts.loader == LoaderVerdict::kCounting) {
    found.emplace_back("the boot loader counts the tries of this image");
  }
  if (facts.reboots > 0) {
    found.push_back("the recovery ladder has ordered " + std::to_string(facts.reboots) +
                    (facts.reboots == 1 ? " reboot" : " reboots"));
  }
  return found;
}

Reasons why_after_crash(const BootFacts& facts) {
  if (!facts.log_found) return {};  // there was no boot before, as far as is known
  if (facts.last_stop == LastStop::kCutOff) {
    return {"the last boot ended without an orderly stop"};
  }
  if (facts.last_stop == LastStop::kUnknown) return {"it is not known how the last boot ended"};
  return {};
}

}  // namespace

std::string_view to_string(BootKind kind) {
  switch (kind) {
    case BootKind::kFirst:
      return "first";
    case BootKind::kNormal:
      return "normal";
    case BootKind::kAfterCrash:
      return "after-crash";
    case BootKind::kTrial:
      return "trial";
    case BootKind::kRollback:
      return "rollback";
    case BootKind::kRecovery:
      return "recovery";
    case BootKind::kDegraded:
      return "degraded";
  }
  return "degraded";
}

LoaderVerdict loader_verdict_of(std::string_view count_path) {
  const auto name = count_path.substr(count_path.find_last_of("/\\") + 1);  // npos + 1 is 0
  const auto plus = name.rfind('+');
  const auto dot = name.rfind('.');
  if (plus == std::string_view::npos || dot == std::string_view::npos || dot < plus) {
    return LoaderVerdict::kGood;
  }
  std::string_view left = name.substr(plus + 1, dot - plus - 1);
  left = left.substr(0, left.find('-'));
  const auto tries = parse_number(left);
  if (!tries) return LoaderVerdict::kGood;
  return *tries == 0 ? LoaderVerdict::kExhausted : LoaderVerdict::kCounting;
}

BootVerdict kind_of_boot(const BootFacts& facts) {
  using Rule = Reasons (*)(const BootFacts&);
  constexpr struct {
    BootKind kind;
    Rule why;
  } kRules[] = {
      {BootKind::kRecovery, why_recovery}, {BootKind::kDegraded, why_degraded},
      {BootKind::kFirst, why_first},       {BootKind::kRollback, why_rollback},
      {BootKind::kTrial, why_trial},       {BootKind::kAfterCrash, why_after_crash},
  };
  BootKind kind = BootKind::kNormal;
  Reasons all;
  for (const auto& [rule_kind, why] : kRules) {
    const Reasons found = why(facts);
    if (all.empty() && !found.empty()) kind = rule_kind;
    all.insert(all.end(), found.begin(), found.end());
  }
  if (all.empty())
    return {BootKind::kNormal, "the last boot ended in order and the state is sound"};
  return {kind, join(all, "; ")};
}

}  // namespace klubster
