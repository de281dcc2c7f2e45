// The table of reasons: every failure that a user can meet, with its meaning and the way out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

struct Reason {
  std::string_view name;     // CamelCase, stable: scripts may match it
  std::string_view meaning;  // one sentence
  std::string_view next;     // what to type or do
  bool retried;              // klubster tries again by itself
};

// Sorted by name. `klubster explain REASON` and docs/reasons.md are made from it.
std::span<const Reason> reasons();
// nullptr when there is no such reason.
const Reason* find_reason(std::string_view name);

// The hint of the error, else what its reason's row says; empty when neither is there.
std::string next_step(const Error& error);

}  // namespace klubster
