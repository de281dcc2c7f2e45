// The properties of org.klubster.Agent1: the parts of the status that somebody would wait for.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace klubster {

using ApiValue = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>>;
using ApiValues = std::map<std::string, ApiValue>;

// By D-Bus name, from what status_json() makes. The names and types are always the same ones.
ApiValues api_values(const Json& status);
// "b", "t", "s" or "as".
const char* api_type(const ApiValue& value);
// The names whose values differ.
std::vector<std::string> api_changes(const ApiValues& before, const ApiValues& after);

}  // namespace klubster
