// What a garbage collection did, for people.
#include "base/text.h"
#include "cli/views.h"

namespace klubster {

namespace {

// "greeter 1.0 (0123456789ab)" of a profile that the log knows.
std::string shown_name(const Json& entry, const std::map<std::string, ProfileUse>& uses) {
  const std::string name = entry.text_or("name");
  if (entry.text_or("kind") != "profile") return name;
  const auto use = uses.find(name);
  if (use == uses.end() || use->second.name.empty()) return short_digest(name);
  return use->second.name + " " + use->second.version + " (" + short_digest(name) + ")";
}

std::string freed_text(const Json& report) {
  const std::string bytes = bytes_text(report.number_or("bytes"));
  const std::string files = std::to_string(report.integer_or("files"));
  return report.bool_or("dryRun") ? "would free " + bytes + " in " + files + " files\n"
                                  : "freed " + bytes + " in " + files + " files\n";
}

}  // namespace

std::string garbage_text(const Json& report, const std::map<std::string, ProfileUse>& uses,
                         const Look& look) {
  const std::string done = report.bool_or("dryRun") ? "would go" : "removed";
  std::vector<std::vector<Cell>> rows;
  for (const auto& entry : report.items("removed")) {
    rows.push_back({{done, Paint::kYellow},
                    entry.text_or("kind"),
                    shown_name(entry, uses),
                    bytes_text(entry.number_or("bytes")),
                    ""});
  }
  for (const auto& entry : report.items("left")) {
    rows.push_back({{"left", Paint::kRed},
                    entry.text_or("kind"),
                    shown_name(entry, uses),
                    "",
                    entry.text_or("message")});
  }
  for (const auto& entry : report.items("kept")) {
    std::vector<std::string> why;
    for (const auto& reason : entry.items("why")) {
      if (const auto* text = reason.as_string()) why.push_back(*text);
    }
    rows.push_back({"kept", entry.text_or("kind"), shown_name(entry, uses), "", join(why, ", ")});
  }
  std::string text;
  if (!rows.empty()) text = text_table({"", "WHAT", "NAME", "SIZE", "WHY"}, rows, look);
  if (const auto more = report.integer_or("more"); more > 0) {
    text += "and " + std::to_string(more) + " more\n";
  }
  return text + freed_text(report);
}

}  // namespace klubster
