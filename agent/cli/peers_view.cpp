// `klubster peers` and `klubster history` for people.
#include <array>
#include <ctime>

#include "base/text.h"
#include "cli/views.h"

namespace klubster {

namespace {

std::string spaced(const Json::Array& texts) {
  std::vector<std::string> parts;
  for (const auto& text : texts) {
    if (text.as_string() != nullptr) parts.push_back(*text.as_string());
  }
  return join(parts, " ");
}

// "server Ready, stack not ready"
std::string phases_text(const Json& record) {
  std::vector<std::string> parts;
  for (const auto& condition : record.items("conditions")) {
    if (condition.text_or("type") != "Ready") continue;
    const bool holds = condition.text_or("status") == "True";
    const std::string phase = condition.text_or("phase");
    parts.push_back((phase.empty() ? "node" : phase) + (holds ? " Ready" : " not ready"));
  }
  return join(parts, ", ");
}

std::string step_text(const Json& step) {
  if (step.is_null()) return "";
  std::string text = step.text_or("phase") + "/" + step.text_or("id");
  if (const auto waiting = step.text_or("waitingFor"); !waiting.empty()) {
    text += ": waiting for " + waiting;
  }
  return text;
}

Paint paint_of_seen(const std::string& seen) {
  if (seen == "live" || seen == "self") return Paint::kGreen;
  return seen == "stale" ? Paint::kYellow : Paint::kDim;
}

std::string seen_text(const Json& peer, const Json& peers) {
  return peer.text_or("name") == peers.text_or("self") ? "self" : peer.text_or("seen");
}

std::string age_cell(const Json& peer) {
  const auto age = peer.integer_or("ageSeconds", -1);
  if (peer.text_or("seen") == "never" || age < 0) return "";
  return age_text(static_cast<std::uint64_t>(age));
}

std::vector<Cell> peer_row(const Json& peer, const Json& peers) {
  const Json& record = peer.get("record");
  const std::string seen = seen_text(peer, peers);
  const auto generation = record.integer_or("generation");
  return {peer.text_or("name") + (peer.bool_or("member", true) ? "" : " (no member)"),
          spaced(record.items("modes")),
          {seen, paint_of_seen(seen)},
          age_cell(peer),
          generation > 0 ? std::to_string(generation) : "",
          peer.text_or("address"),
          phases_text(record),
          step_text(record.get("step"))};
}

std::string refused_table(const Json& peers, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& caller : peers.items("refused")) {
    const auto age = caller.integer_or("ageSeconds", -1);
    rows.push_back({caller.text_or("address"),
                    {caller.text_or("reason"), Paint::kRed},
                    std::to_string(caller.integer_or("count")),
                    age < 0 ? "" : age_text(static_cast<std::uint64_t>(age)),
                    caller.text_or("message")});
  }
  if (rows.empty()) return "";
  return "\ncallers that were refused:\n" +
         text_table({"ADDRESS", "REASON", "TIMES", "LAST", "WHAT"}, rows, look);
}

std::string local_time(const Json& time) {
  const auto* usec = time.as_integer();
  if (usec == nullptr) return time.as_string() == nullptr ? "" : *time.as_string();
  const std::time_t seconds = *usec / 1'000'000;
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "";
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), length};
}

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

}  // namespace

std::string peers_text(const Json& peers, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& peer : peers.items("peers"))
    rows.push_back(peer_row(peer, peers));
  return text_table({"NODE", "MODES", "SEEN", "AGE", "GEN", "ADDRESS", "PHASES", "STEP"}, rows,
                    look) +
         refused_table(peers, look);
}

std::string peer_text(const Json& peers, const std::string& name, const Look& look) {
  for (const auto& peer : peers.items("peers")) {
    if (peer.text_or("name") != name) continue;
    std::string text =
        text_table({"NODE", "MODES", "SEEN", "AGE", "GEN", "ADDRESS", "PHASES", "STEP"},
                   {peer_row(peer, peers)}, look);
    return text + "\n" + peer.get("record").pretty() + "\n";
  }
  return "";
}

std::string history_text(const Json& history, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& event : history.items("events")) {
    rows.push_back({std::to_string(event.integer_or("seq")), local_time(event.get("time")),
                    event.text_or("type"), data_text(event.get("data"))});
  }
  return text_table({"SEQ", "TIME", "EVENT", "DATA"}, rows, look);
}

}  // namespace klubster
