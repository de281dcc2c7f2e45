// The options of a method of klubsterd: a dictionary a{sv} of those that were given.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "linux/bus.h"

namespace klubster {

struct MethodOption {
  std::string name;
  std::variant<bool, std::uint64_t, std::string> value;
};

// Appends the dictionary. What says nothing (false, 0, an empty text) is left out.
void add_options(BusMessage& message, const std::vector<MethodOption>& options);

}  // namespace klubster
