// What holds on a node, in the Kubernetes shape: events, status and node records all carry it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace klubster {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

std::string_view to_string(ConditionStatus status);  // "True", "False", "Unknown"

struct Condition {
  std::string type;   // "Ready", "ConfigValid", "Fetched": CamelCase
  std::string phase;  // "server"; empty when it is about the node as a whole
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;                // CamelCase, a row of base/reason.h when something is wrong
  std::string message;               // one line for people, at most 1 KiB in a record
  std::string last_transition_time;  // utc_text() of when `status` last changed

  bool operator==(const Condition&) const = default;
};

Json to_json(const Condition& condition);
// Remembers mistakes in `reader` (unknown status, type that is not CamelCase, too long texts).
Condition read_condition(JsonReader& reader);

// Puts `next` in the place of the condition of the same type and phase, or at the end. The time of
// the last transition stays when the status stays. Returns whether anything but the time changed.
bool set_condition(std::vector<Condition>& conditions, Condition next);

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type,
                                std::string_view phase);

}  // namespace klubster
