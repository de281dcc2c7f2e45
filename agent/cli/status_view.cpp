// `klubster status` for people.
#include <algorithm>

#include "base/text.h"
#include "cli/views.h"
#include "engine/progress.h"
#include "model/core_run.h"

namespace klubster {

namespace {

std::string profile_line(const Json& profile) {
  if (profile.is_null()) return "";
  return profile.text_or("name") + " " + profile.text_or("version") + "  sha256 " +
         short_digest(profile.text_or("sha256"));
}

std::string download_line(const Json& download) {
  return download.is_null() ? "" : progress_text(progress_from_json(download));
}

Paint paint_of_state(const std::string& state) {
  if (state == "ready" || state == "done" || state == "kept" || state == "undone") {
    return Paint::kGreen;
  }
  if (state == "failed" || state == "needs-person") return Paint::kRed;
  if (state == "skipped" || state == "pending") return Paint::kDim;
  return Paint::kYellow;
}

// A condition of a bad kind (Degraded, …) is not known here: True is told green, False yellow.
Paint paint_of_status(const std::string& status) {
  if (status == "True") return Paint::kGreen;
  return status == "False" ? Paint::kYellow : Paint::kDim;
}

std::string tries(const Json& step) {
  const auto attempt = step.integer_or("attempt");
  if (attempt <= 0) return "";
  const auto of = step.integer_or("of");
  return std::to_string(attempt) + (of > 0 ? "/" + std::to_string(of) : "");
}

std::string reason_and_message(const Json& item) {
  const std::string reason = item.text_or("reason");
  const std::string message = item.text_or("message");
  return reason.empty() || message.empty() ? reason + message : reason + ": " + message;
}

std::string cluster_lines(const Json& cluster) {
  if (cluster.is_null()) return "";
  const std::string id = cluster.text_or("id"), role = cluster.text_or("role");
  const std::string waits = cluster.text_or("waitingFor");
  std::string text = id.empty() ? "none yet" : id;
  if (role == "init") text += ", formed by this server";
  if (role == "join") text += ", joined by this server";
  if (!waits.empty()) text += "; waiting for " + waits;
  text = titled_line("cluster", text);
  if (!cluster.bool_or("commit")) return text;
  return text + titled_line("", "commit it to the config tree of all nodes: cluster/id = " + id);
}

std::string conditions_table(const Json& status, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& condition : status.items("conditions")) {
    const std::string holds = condition.text_or("status");
    rows.push_back(
        {condition.text_or("phase").empty() ? "-" : condition.text_or("phase"),
         condition.text_or("type"),
         {holds, condition.text_or("type") == "Recovery" ? Paint::kRed : paint_of_status(holds)},
         age_of(condition.get("lastTransitionTime"), look),
         reason_and_message(condition)});
  }
  if (rows.empty()) return "";
  return "\n" + text_table({"PHASE", "CONDITION", "STATUS", "SINCE", "WHY"}, rows, look);
}

std::string steps_table(const Json& status, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const char* list : {"steps", "obsolete"}) {
    for (const auto& step : status.items(list)) {
      const std::string state = step.text_or("state");
      rows.push_back({step.text_or("phase"),
                      step.text_or("id"),
                      step.text_or("kind"),
                      {state, paint_of_state(state)},
                      tries(step),
                      age_of(step.get("since"), look),
                      reason_and_message(step)});
    }
  }
  if (rows.empty()) return "";
  return "\n" + text_table({"PHASE", "STEP", "KIND", "STATE", "TRY", "SINCE", "WHAT"}, rows, look);
}

std::string core_runs(const Json& status) {
  std::string text;
  for (const auto& step : status.items("steps")) {
    const Json& run = step.get("coreRun");
    if (run.is_null()) continue;
    text += titled_line(
        "core run", step.text_or("phase") + "/" + step.text_or("id") + ": " + core_run_text(run));
  }
  return text.empty() ? "" : "\n" + text;
}

std::string telemetry_line(const Json& telemetry) {
  if (telemetry.is_null()) return "";
  std::string text = "on";
  for (const char* what : {"delivered", "waiting", "refused", "dropped"}) {
    const auto count = telemetry.integer_or(what);
    if (count > 0) text += ", " + std::to_string(count) + " " + what;
  }
  const std::string message = telemetry.text_or("message");
  return titled_line("telemetry", text + (message.empty() ? "" : " (" + message + ")"));
}

// Several lines (all mistakes of a config tree) keep their lines, indented.
std::string indented(const std::string& text, const std::string& by) {
  std::string out;
  for (const auto& part : split(text, '\n')) {
    if (!part.empty()) out += by + printable(part, 2000) + "\n";
  }
  return out;
}

std::string headline(const Json& status, const Look& look) {
  if (!status.get("recovery").is_null()) return painted("in recovery mode", Paint::kRed, look);
  if (status.bool_or("leaving")) return painted("leaving its cluster", Paint::kYellow, look);
  if (condition_holds(status, "Left")) {
    return painted("has left its cluster; klubster apply brings it back", Paint::kYellow, look);
  }
  return status.bool_or("ready") ? painted("ready", Paint::kGreen, look)
                                 : painted("not ready", Paint::kYellow, look);
}

}  // namespace

std::string problems_text(const Json& answer, const Look& look) {
  std::string text;
  for (const auto& problem : answer.items("problems")) {
    text += "\n" + painted("problem: " + printable(problem.text_or("reason")), Paint::kRed, look) +
            "\n" + indented(problem.text_or("message"), "  ");
    if (const auto next = problem.text_or("next"); !next.empty()) {
      text += "  " + painted("next:", Paint::kBold, look) + " " + printable(next, 1000) + "\n";
    }
  }
  return text;
}

std::string status_text(const Json& status, const Look& look) {
  const Json& boot = status.get("boot");
  std::string text = painted(printable(status.text_or("node")), Paint::kBold, look) + "  " +
                     headline(status, look) + "\n\n";
  std::string kind = boot.text_or("kind");
  if (const auto why = boot.text_or("reason"); !why.empty()) kind += " (" + why + ")";
  text += titled_line("boot", kind);
  if (const auto verdict = boot.text_or("verdict"); !verdict.empty()) {
    const auto why = boot.text_or("verdictReason");
    text += titled_line("boot is", verdict + (why.empty() ? "" : " (" + why + ")"));
  }
  const auto generation = status.integer_or("generation");
  if (generation > 0) {
    const auto good = status.integer_or("lastGood");
    const auto rollback_of = status.integer_or("rollbackOf");
    text +=
        titled_line("generation",
                    std::to_string(generation) +
                        (rollback_of > 0 ? ", generation " + std::to_string(rollback_of) + " again"
                                         : std::string()) +
                        (status.bool_or("trial") ? ", on trial" : "") +
                        (good > 0 ? " (last good " + std::to_string(good) + ")"
                                  : std::string(" (none was good yet)")));
  }
  text += titled_line("profile", profile_line(status.get("profile")));
  text += titled_line("config", short_digest(status.text_or("configHash")));
  if (status.bool_or("waitsForApply")) {
    text += titled_line("waiting", "what changed, for: klubster apply (klubster plan shows it)");
  }
  text += cluster_lines(status.get("cluster"));
  if (const Json& applying = status.get("applying"); !applying.is_null()) {
    text +=
        titled_line("applying", applying.text_or("by") + ", since " + applying.text_or("since"));
  }
  if (const Json& recovery = status.get("recovery"); !recovery.is_null()) {
    const std::string by = recovery.text_or("by");
    text += titled_line("recovery", "since " + recovery.text_or("since") +
                                        (by.empty() ? std::string() : ", by " + by));
  }
  text += telemetry_line(status.get("telemetry"));
  text += titled_line("download", download_line(status.get("download")));
  return text + conditions_table(status, look) + steps_table(status, look) + core_runs(status) +
         problems_text(status, look);
}

bool condition_holds(const Json& status, const std::string& wanted) {
  const auto slash = wanted.find('/');
  const std::string type = wanted.substr(0, slash);
  const std::string phase = slash == std::string::npos ? "" : wanted.substr(slash + 1);
  if (type == "Ready" && phase.empty()) return status.bool_or("ready");
  return std::ranges::any_of(status.items("conditions"), [&](const Json& condition) {
    return condition.text_or("type") == type && condition.text_or("phase") == phase &&
           condition.text_or("status") == "True";
  });
}

}  // namespace klubster
