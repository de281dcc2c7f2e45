// Gauges out of a status. docs/metrics.md lists them.
#include "daemon/metrics.h"

#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics_page.h"
#include "engine/boot_assessment.h"
#include "engine/boot_kind.h"

namespace klubster {

namespace {

using Page = MetricsPage;

constexpr std::array kBootKinds = {BootKind::kFirst,   BootKind::kNormal,   BootKind::kAfterCrash,
                                   BootKind::kTrial,   BootKind::kRollback, BootKind::kRecovery,
                                   BootKind::kDegraded};
constexpr std::array kJudgements = {BootJudgement::kPending, BootJudgement::kGood,
                                    BootJudgement::kBad};

void add_node(Page& page, const Json& status) {
  const Json& profile = status.get("profile");
  page.gauge("info", "What this node is and runs; always 1.");
  page.sample(1, {{"node", status.text_or("node")},
                  {"version", status.text_or("version")},
                  {"profile", profile.text_or("name")},
                  {"profile_version", profile.text_or("version")}});
  page.gauge("ready", "Whether every step of every phase is where it should be.");
  page.sample(status.bool_or("ready") ? 1 : 0);
  page.gauge("generation", "Number of the config and profile in force; 0 while there is none.");
  page.sample(status.integer_or("generation"));
  page.gauge("last_good_generation", "Number of the newest generation that was ready.");
  page.sample(status.integer_or("lastGood"));
  page.gauge("leaving", "Whether the node is leaving its cluster.");
  page.sample(status.bool_or("leaving") ? 1 : 0);
}

void add_boot(Page& page, const Json& status) {
  const Json& boot = status.get("boot");
  page.gauge("boot_kind", "The kind of this boot is 1, all others 0.");
  page.states("kind", kBootKinds, boot.text_or("kind"));
  page.gauge("boot_verdict", "Whether this boot is good: the verdict is 1, the others 0.");
  page.states("verdict", kJudgements, boot.text_or("verdict"));
}

void add_conditions(Page& page, const Json& status) {
  bool recovery = false;
  page.gauge("condition", "A condition of the node or of a phase: 1 True, 0 False, -1 Unknown.");
  for (const auto& condition : status.items("conditions")) {
    const std::string word = condition.text_or("status");
    const std::string type = condition.text_or("type");
    page.sample(word == "True"    ? 1
                : word == "False" ? 0
                                  : -1,
                {{"type", type}, {"phase", condition.text_or("phase")}});
    if (type == "Recovery" && word == "True") recovery = true;
  }
  page.gauge("recovery", "Whether the node is in recovery mode.");
  page.sample(recovery ? 1 : 0);
}

void add_steps(Page& page, const Json& status) {
  page.gauge("step_state", "The state that a step is in; always 1.");
  for (const auto& step : status.items("steps")) {
    page.sample(1, {{"phase", step.text_or("phase")},
                    {"step", step.text_or("id")},
                    {"state", step.text_or("state")}});
  }
  page.gauge("step_attempt", "Which attempt of a step this is, since its last success.");
  for (const auto& step : status.items("steps")) {
    page.sample(step.integer_or("attempt"),
                {{"phase", step.text_or("phase")}, {"step", step.text_or("id")}});
  }
}

void add_problems(Page& page, const Json& status) {
  std::map<std::string, std::int64_t> counts;
  std::int64_t all = 0;
  for (const auto& problem : status.items("problems")) {
    ++counts[problem.text_or("reason")];
    ++all;
  }
  page.gauge("problems", "How many problems a person should look at.");
  page.sample(all);
  page.gauge("problem", "How many of them have this reason.");
  for (const auto& [reason, count] : counts)
    page.sample(count, {{"reason", reason}});
}

}  // namespace

std::string metrics_text(const Json& status, std::uint64_t log_seq) {
  Page page;
  add_node(page, status);
  add_boot(page, status);
  add_conditions(page, status);
  add_steps(page, status);
  add_problems(page, status);
  page.gauge("log_seq", "Number of the last event in the log.");
  page.sample(static_cast<std::int64_t>(log_seq));
  return page.text();
}

}  // namespace klubster
