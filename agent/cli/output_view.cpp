// Lines of steps.
#include "cli/output_view.h"

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kLineBytes = 64 * 1024;

// Tabs stay: they do no harm, and tables are made of them.
std::string shown(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string> parts;
  for (const auto& part : split(line.substr(0, kLineBytes), '\t'))
    parts.push_back(printable(part, kLineBytes * 4));  // each byte may become \xNN
  return join(parts, "\t") + (line.size() > kLineBytes ? "…" : "");
}

// "server/etcd", "server/etcd ready", "server/etcd #2"; the unit's name when the step is not known.
std::string label_of(const StepOutput& output, bool with_step) {
  std::vector<std::string> parts;
  if (output.step.empty()) {
    parts.push_back(output.unit);
  } else if (with_step) {
    parts.push_back(output.phase + "/" + output.step);
  }
  if (output.stage != "run") parts.push_back(output.stage);
  if (output.attempt > 1) parts.push_back("#" + std::to_string(output.attempt));
  return printable(join(parts, " "));
}

}  // namespace

std::string output_text(const StepOutput& output, bool with_step, const Look& look) {
  std::string text, label = label_of(output, with_step);
  if (!label.empty()) label += ": ";
  for (const auto& line : split(output.message, '\n')) {
    text += painted(local_time(output.time_usec), Paint::kDim, look) + " " +
            painted(label, Paint::kBold, look) + shown(line) + "\n";
  }
  return text;
}

Json output_json(const StepOutput& output) {
  Json json = Json::object();
  json["time"] = output.time_usec;
  json["phase"] = output.step.empty() ? Json() : Json(output.phase);
  json["step"] = output.step.empty() ? Json() : Json(output.step);
  json["stage"] = output.stage;
  json["attempt"] = output.attempt;
  json["generation"] = output.generation;
  json["unit"] = output.unit;
  json["pid"] = output.pid;
  if (is_utf8(output.message)) {
    json["message"] = output.message;
  } else {
    json["message"] = Json::array();
    for (const char byte : output.message)
      json["message"].push_back(static_cast<unsigned char>(byte));
  }
  return json;
}

}  // namespace klubster
