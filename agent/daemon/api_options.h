// The options of a method: a dictionary a{sv}, so that new ones need no new method.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "linux/bus.h"

namespace klubster {

struct ApiOption {
  std::string name;
  std::variant<bool*, std::uint64_t*, std::string*> into;  // b, t, s; as it is when not given
};

// Reads the dictionary that comes next in `call`. kInvalid, reason Usage: an option that is not
// known, given twice or of another type; nothing is to be done then.
Status read_options(BusMessage& call, const std::vector<ApiOption>& known);

}  // namespace klubster
