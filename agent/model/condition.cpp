// Conditions: text form, and the one way to change a list of them.
#include "model/condition.h"

#include <algorithm>

#include "base/text.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxMessageBytes = 1024;

bool is_camel_case(std::string_view text) {
  if (text.empty() || text.size() > 64 || text[0] < 'A' || text[0] > 'Z') return false;
  return std::all_of(text.begin(), text.end(), is_alphanumeric);
}

// Cut at a character's start, so that it stays UTF-8.
std::string cut(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80)
    --limit;
  text.resize(limit);
  return text;
}

}  // namespace

std::string_view to_string(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kTrue:
      return "True";
    case ConditionStatus::kFalse:
      return "False";
    case ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

Json to_json(const Condition& condition) {
  Json json = Json::object();
  json["type"] = condition.type;
  json["phase"] = condition.phase;
  json["status"] = to_string(condition.status);
  json["reason"] = condition.reason;
  json["message"] = cut(condition.message, kMaxMessageBytes);
  json["lastTransitionTime"] = condition.last_transition_time;
  return json;
}

Condition read_condition(JsonReader& reader) {
  Condition condition;
  condition.type = reader.text("type", 64);
  if (!is_camel_case(condition.type)) reader.refuse("type", "expected a CamelCase word");
  condition.phase = reader.text_or("phase", "", 64);
  const std::string status = reader.text("status", 16);
  if (status == "True") {
    condition.status = ConditionStatus::kTrue;
  } else if (status == "False") {
    condition.status = ConditionStatus::kFalse;
  } else if (status != "Unknown") {
    reader.refuse("status", "expected True, False or Unknown");
  }
  condition.reason = reader.text_or("reason", "", 64);
  if (!condition.reason.empty() && !is_camel_case(condition.reason)) {
    reader.refuse("reason", "expected a CamelCase word");
  }
  condition.message = reader.text_or("message", "", kMaxMessageBytes);
  condition.last_transition_time = reader.text_or("lastTransitionTime", "", 32);
  return condition;
}

bool set_condition(std::vector<Condition>& conditions, Condition next) {
  const auto found = std::find_if(conditions.begin(), conditions.end(), [&](const Condition& c) {
    return c.type == next.type && c.phase == next.phase;
  });
  if (found == conditions.end()) {
    conditions.push_back(std::move(next));
    return true;
  }
  if (found->status == next.status) next.last_transition_time = found->last_transition_time;
  const bool changed = !(*found == next);
  *found = std::move(next);
  return changed;
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type,
                                std::string_view phase) {
  for (const Condition& condition : conditions) {
    if (condition.type == type && condition.phase == phase) return &condition;
  }
  return nullptr;
}

}  // namespace klubster
