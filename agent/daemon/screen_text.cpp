// The lines, most important first.
#include "daemon/screen_text.h"

#include <algorithm>

#include "base/text.h"
#include "engine/progress.h"

namespace klubster {

namespace {

constexpr std::size_t kShownItems = 3;
constexpr std::size_t kLineBytes = 200;

std::string line(const std::string& indent, const std::string& text) {
  return indent + printable(text.substr(0, text.find('\n')), kLineBytes) + "\n";
}

const Json* condition_of(const Json& status, std::string_view type) {
  const auto& conditions = status.items("conditions");
  const auto found = std::ranges::find_if(
      conditions, [&](const Json& condition) { return condition.text_or("type") == type; });
  return found == conditions.end() ? nullptr : &*found;
}

bool holds(const Json& status, std::string_view type) {
  const Json* condition = condition_of(status, type);
  return condition != nullptr && condition->text_or("status") == "True";
}

bool fails(const Json& status, std::string_view type) {
  const Json* condition = condition_of(status, type);
  return condition != nullptr && condition->text_or("status") == "False";
}

bool waits(const Json& status) {
  return std::ranges::any_of(status.items("conditions"), [](const Json& condition) {
    return condition.text_or("type") == "Ready" && condition.text_or("reason") == "Waiting";
  });
}

// An empty tree is a valid one, which gives nothing to do.
bool is_unconfigured(const Json& status) {
  const auto& problems = status.items("problems");
  return status.integer_or("generation") == 0 &&
         std::ranges::any_of(problems, [](const Json& problem) {
           return problem.text_or("reason") == "NotConfigured";
         });
}

// "is ready", after the node's name.
std::string headline(const Json& status) {
  const bool ready = status.bool_or("ready");
  const bool nothing_known = fails(status, "ConfigValid") && status.text_or("configHash").empty() &&
                             status.integer_or("generation") == 0;
  if (holds(status, "Recovery")) return "is in recovery mode";
  if (status.bool_or("leaving")) return "is leaving its cluster";
  if (holds(status, "Left")) return "has left its cluster";
  if (nothing_known) return "has no config that it can use";
  if (is_unconfigured(status)) return "is not configured yet";
  const Json& boot = status.get("boot");
  // What made it a degraded boot may be mended since: then it was found good.
  const bool still = boot.text_or("kind") == "degraded" && boot.text_or("verdict") != "good";
  const bool degraded = fails(status, "StateSound") || still;
  if (degraded) return ready ? "is ready, but its state is degraded" : "is degraded and not ready";
  if (ready) return "is ready";
  if (!status.items("problems").empty()) return "is not ready";
  if (boot.text_or("kind") == "first") return "is being set up";
  return waits(status) ? "is not ready: it waits" : "is not ready";
}

// What kind of boot this is when a person should know.
std::string boot_lines(const Json& status) {
  const Json& boot = status.get("boot");
  const std::string kind = boot.text_or("kind");
  std::string text;
  if (!kind.empty() && kind != "normal" && kind != "first") {
    text += line("  ", "boot: " + kind + " (" + boot.text_or("reason") + ")");
  }
  if (boot.text_or("verdict") == "bad") {
    text += line("  ", "this boot is not good: " + boot.text_or("verdictReason"));
  }
  return text;
}

std::string problem_lines(const Json& status) {
  std::string text;
  const auto& problems = status.items("problems");
  for (std::size_t i = 0; i < std::min(problems.size(), kShownItems); ++i) {
    text += line("  ", problems[i].text_or("reason") + ": " + problems[i].text_or("message"));
    if (const auto next = problems[i].text_or("next"); !next.empty()) text += line("    ", next);
  }
  const std::size_t more = problems.size() - std::min(problems.size(), kShownItems);
  if (more > 0) text += line("  ", "and " + std::to_string(more) + " more: klubster status");
  return text;
}

// What is not there yet and goes on by itself.
std::string waiting_lines(const Json& status) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& condition : status.items("conditions")) {
    const bool of_interest =
        condition.text_or("type") == "Ready" || condition.text_or("type") == "ProfileReady";
    const std::string message = condition.text_or("message");
    if (!of_interest || condition.text_or("status") == "True" || message.empty()) continue;
    if (++shown > kShownItems) break;
    text += line("  ", message);
  }
  return text;
}

}  // namespace

ScreenText screen_text(const Json& status) {
  ScreenText text;
  text.state = line("", "klubster: " + status.text_or("node") + " " + headline(status));
  text.state += boot_lines(status);
  const std::string problems = problem_lines(status);
  const bool quiet = status.bool_or("ready") || holds(status, "Left");
  text.state += problems.empty() && !quiet ? waiting_lines(status) : problems;
  const Json& download = status.get("download");
  if (download.is_null()) return text;
  text.download =
      line("  ", "downloading the package: " + progress_text(progress_from_json(download)));
  return text;
}

}  // namespace klubster
