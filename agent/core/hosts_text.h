// The text of a hosts file with our line in it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace klubster {

inline constexpr std::string_view kHostsMark = " # klubster";

// `text` with `line` as its only line that carries our mark; an empty `line` removes it. What
// others wrote stays byte for byte.
std::string with_hosts_line(std::string_view text, std::string_view line);

}  // namespace klubster
