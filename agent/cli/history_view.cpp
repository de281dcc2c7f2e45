// `klubster history` for people.
#include "base/text.h"
#include "cli/views.h"

namespace klubster {

namespace {

// The data of an event as "name=value" words; texts without quotes.
std::string data_text(const Json& data) {
  if (data.as_object() == nullptr) return data.is_null() ? "" : data.dump();
  std::vector<std::string> parts;
  for (const auto& [key, value] : *data.as_object()) {
    const auto* text = value.as_string();
    if (text != nullptr && text->empty()) continue;
    parts.push_back(key + "=" + (text != nullptr ? *text : value.dump()));
  }
  return join(parts, " ");
}

std::string time_of(const Json& time) {
  if (const auto* text = time.as_string()) return *text;
  const auto* usec = time.as_integer();
  return usec == nullptr || *usec < 0 ? "" : local_time(static_cast<std::uint64_t>(*usec));
}

std::string events_range(const Json& verdict) {
  const auto last = verdict.integer_or("last");
  if (last == 0) return "no events";
  return "events " + std::to_string(verdict.integer_or("first")) + " to " + std::to_string(last);
}

Paint paint_of_step(const std::string& state) {
  if (state == "done") return Paint::kGreen;
  return state == "failed" || state == "needs a person" ? Paint::kRed : Paint::kYellow;
}

}  // namespace

std::string history_text(const Json& history, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& event : history.items("events")) {
    rows.push_back({std::to_string(event.integer_or("seq")), time_of(event.get("time")),
                    event.text_or("type"), data_text(event.get("data"))});
  }
  return text_table({"SEQ", "TIME", "EVENT", "DATA"}, rows, look);
}

std::string past_text(const Json& past, const Look& look) {
  const auto generation = past.integer_or("generation");
  const std::string boot = past.text_or("bootKind");
  std::string text =
      titled_line("after event", std::to_string(past.integer_or("seq"))) +
      titled_line("time", time_of(past.get("time"))) +
      titled_line("boot", boot.empty() ? "" : boot + ": " + past.text_or("bootReason")) +
      titled_line("generation", generation == 0 ? "none" : std::to_string(generation)) +
      titled_line("profile", past.text_or("profile")) +
      titled_line("ready", past.bool_or("ready") ? "yes" : "no");
  std::vector<std::vector<Cell>> rows;
  for (const auto& step : past.items("steps")) {
    const std::string state = step.text_or("state");
    const std::string reason = step.text_or("reason"), message = step.text_or("message");
    rows.push_back({step.text_or("subject"),
                    {state, paint_of_step(state)},
                    std::to_string(step.integer_or("attempts")),
                    time_of(step.get("changed")),
                    reason.empty() ? "" : reason + ": " + message});
  }
  if (rows.empty()) return text;
  return text + "\n" + text_table({"STEP", "STATE", "TRY", "SINCE", "WHAT"}, rows, look);
}

std::string verdict_text(const Json& verdict, const Look& look) {
  std::string text;
  if (verdict.bool_or("sound")) {
    text = painted("sound", Paint::kGreen, look) + ": " + events_range(verdict) + "\n";
  } else {
    text = painted("damaged", Paint::kRed, look) + ": " +
           printable(verdict.get("damage").text_or("message"), 1000) + "\n" +
           "sound before it: " + events_range(verdict) + "\n";
  }
  if (const auto base = verdict.integer_or("base"); base > 0) {
    text += "events up to " + std::to_string(base) + " are kept as the state they led to\n";
  }
  if (const auto torn = verdict.integer_or("tornBytes"); torn > 0) {
    text += "the last " + std::to_string(torn) +
            " bytes are an append that is under way, or was cut off\n";
  }
  for (const auto& name : verdict.items("setAside")) {
    if (const auto* file = name.as_string())
      text += "set aside earlier: " + printable(*file) + "\n";
  }
  return text;
}

}  // namespace klubster
