// `klubster peers` for people.
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

std::string problem_line(const Json& peer, const Look& look) {
  const Json& problem = peer.get("problem");
  if (problem.is_null()) return "";
  return painted(printable(problem.text_or("reason")), Paint::kRed, look) + ": " +
         printable(problem.text_or("message"), 512) + "\n";
}

std::string pairs_text(const Json& texts) {
  std::vector<std::string> parts;
  if (const auto* pairs = texts.as_object()) {
    for (const auto& [key, value] : *pairs) {
      if (value.as_string() != nullptr) parts.push_back(key + "=" + *value.as_string());
    }
  }
  return join(parts, " ");
}

// What the record says of the node as a whole, one line each; what it does not say is left out.
std::vector<std::vector<Cell>> fields_of(const Json& peer) {
  const Json& record = peer.get("record");
  const Json& profile = record.get("profile");
  const Json& cluster = record.get("cluster");
  const std::string id = cluster.text_or("id");
  const std::pair<const char*, std::string> fields[] = {
      {"cluster", cluster.text_or("name") + (id.empty() ? "" : ", id " + id)},
      {"boot", record.text_or("boot")},
      {"profile", profile.is_null() ? ""
                                    : profile.text_or("name") + " " + profile.text_or("version") +
                                          " (" + short_digest(profile.text_or("sha256")) + ")"},
      {"addresses", spaced(record.items("addresses"))},
      {"labels", pairs_text(record.get("labels"))},
      {"versions", pairs_text(record.get("versions"))},
      {"machine", record.text_or("machine")},
      {"key", record.get("signature").text_or("key")},
      {"record", std::to_string(record.integer_or("incarnation")) + "." +
                     std::to_string(record.integer_or("seq")) + " of " + record.text_or("time") +
                     (peer.bool_or("hearsay") ? ", passed on by others" : "")},
  };
  std::vector<std::vector<Cell>> rows;
  for (const auto& [word, text] : fields) {
    if (!text.empty()) rows.push_back({word, text});
  }
  return rows;
}

std::string record_conditions(const Json& record, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& condition : record.items("conditions")) {
    const std::string status = condition.text_or("status");
    rows.push_back({condition.text_or("type"),
                    condition.text_or("phase"),
                    {status, status == "True" ? Paint::kGreen : Paint::kYellow},
                    age_of(condition.get("lastTransitionTime"), look),
                    condition.text_or("reason"),
                    condition.text_or("message")});
  }
  if (rows.empty()) return "";
  return "\n" +
         text_table({"CONDITION", "PHASE", "STATUS", "FOR", "REASON", "MESSAGE"}, rows, look);
}

std::string facts_table(const Json& record, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& fact : record.items("facts")) {
    rows.push_back({fact.text_or("name"), short_digest(fact.text_or("sha256")),
                    fact.bool_or("sensitive") ? "sensitive" : ""});
  }
  if (rows.empty()) return "";
  return "\n" + text_table({"FACT", "DIGEST", ""}, rows, look);
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
                   {peer_row(peer, peers)}, look) +
        problem_line(peer, look);
    const Json& record = peer.get("record");
    if (record.is_null()) return text + "\nIt has said nothing since this node's start.\n";
    return text + "\n" + text_table({"RECORD", ""}, fields_of(peer), look) +
           record_conditions(record, look) + facts_table(record, look);
  }
  return "";
}

}  // namespace klubster
