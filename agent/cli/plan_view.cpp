// `klubster plan` for people.
#include <algorithm>

#include "base/text.h"
#include "cli/views.h"

namespace klubster {

namespace {

constexpr std::size_t kValueBytes = 60;

std::string profile_name(const Json& profile) {
  if (profile.is_null()) return "none";
  return profile.text_or("name") + " " + profile.text_or("version") + " (sha256 " +
         short_digest(profile.text_or("sha256")) + ")";
}

// "3", or "3 -> 4" when it becomes another one.
std::string arrow(const std::string& before, const std::string& after) {
  return before == after ? before : before + " -> " + after;
}

std::string head(const Json& plan) {
  const Json& next = plan.get("next");
  const std::string number = std::to_string(plan.integer_or("generation"));
  const std::string profile = profile_name(plan.get("profile"));
  if (next.is_null()) return titled_line("generation", number) + titled_line("profile", profile);
  return titled_line("generation", arrow(number, std::to_string(next.integer_or("generation")))) +
         titled_line("profile", arrow(profile, profile_name(next.get("profile"))));
}

std::string side_text(const Json& change, const char* side) {
  const Json& held = change.get(side);
  if (!held.is_null()) {
    return change.bool_or("secret") ? "(secret)" : printable(held.text_or("value"), kValueBytes);
  }
  const std::string fallback = change.text_or("default");
  return fallback.empty() ? "none" : fallback + " (default)";
}

std::string from_text(const Json& change) {
  const Json& held = change.get(change.get("after").is_null() ? "before" : "after");
  const std::string file = held.text_or("file");
  return "layer " + held.text_or("layer") + (file.empty() ? "" : ", " + file);
}

std::string changes_table(const Json& plan, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& change : plan.items("changed")) {
    const std::string how = change.text_or("change");
    const Paint paint = how == "added"     ? Paint::kGreen
                        : how == "removed" ? Paint::kRed
                                           : Paint::kYellow;
    rows.push_back({{how, paint},
                    change.text_or("what"),
                    change.text_or("name"),
                    side_text(change, "before"),
                    side_text(change, "after"),
                    from_text(change)});
  }
  if (rows.empty()) return "";
  return "\n" + text_table({"CHANGE", "WHAT", "NAME", "BEFORE", "AFTER", "FROM"}, rows, look);
}

std::string actions_table(const Json& plan, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& step : plan.items("steps")) {
    const std::string action = step.text_or("action");
    const bool calm = action == "keep" || action == "skip";
    const Paint paint = action == "undo"                   ? Paint::kRed
                        : calm && !step.bool_or("drifted") ? Paint::kDim
                                                           : Paint::kYellow;
    rows.push_back(
        {step.text_or("phase"), step.text_or("id"), {action, paint}, step.text_or("why")});
  }
  if (rows.empty()) return "";
  return "\n" + text_table({"PHASE", "STEP", "ACTION", "WHY"}, rows, look);
}

std::string obstacle_text(const Json& obstacle, const Look& look) {
  if (obstacle.is_null()) return "";
  if (obstacle.text_or("reason") == "InProgress") {
    return "\nwhat comes next cannot be told yet: " + printable(obstacle.text_or("message")) + "\n";
  }
  Json one = Json::object();
  one["problems"].push_back(obstacle);
  return problems_text(one, look);
}

// What stops the plan is shown as such, and not again.
Json without(const Json& plan, const Json& obstacle) {
  Json others = Json::object();
  others["problems"] = Json::array();
  for (const auto& problem : plan.items("problems")) {
    const bool same = problem.get("reason") == obstacle.get("reason") &&
                      obstacle.text_or("message").ends_with(problem.text_or("message"));
    if (!same) others["problems"].push_back(problem);
  }
  return others;
}

bool acts(const Json& step) {
  const std::string action = step.text_or("action");
  return action != "keep" && action != "skip";
}

std::string verdict(const Json& plan) {
  if (plan.bool_or("leaving")) return "this node leaves its cluster\n";
  if (plan.bool_or("gone")) {
    return "this node has left its cluster; to bring it back: klubster apply\n";
  }
  if (!plan.bool_or("changes")) return "nothing to do\n";
  if (plan.get("next").is_null() && !std::ranges::any_of(plan.items("steps"), acts)) {
    return "nothing to apply, but what was done is not as it was\n";
  }
  const bool destroys = plan.bool_or("needsAllowDestroy");
  return std::string("there are changes: klubster apply") +
         (destroys ? ", with --allow-destroy for what is to be undone\n" : "\n");
}

}  // namespace

std::string plan_text(const Json& plan, const Look& look) {
  const Json& obstacle = plan.get("cannot");
  std::string text = head(plan) + changes_table(plan, look) + actions_table(plan, look) +
                     obstacle_text(obstacle, look) + problems_text(without(plan, obstacle), look);
  if (plan.bool_or("unanswered")) {
    text += "\nnot all checks have answered: what is said of steps that are done may be old\n";
  }
  if (obstacle.is_null()) text += "\n" + verdict(plan);
  return text;
}

}  // namespace klubster
