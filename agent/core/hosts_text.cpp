// Replacing one line.
#include "core/hosts_text.h"

namespace klubster {

std::string with_hosts_line(std::string_view text, std::string_view line) {
  std::string made;
  bool open = false;  // the last line has no newline
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    const auto one = text.substr(at, end == text.npos ? text.npos : end - at);
    at = end == text.npos ? text.size() : end + 1;
    if (one.ends_with(kHostsMark)) continue;
    open = end == text.npos;
    made.append(one).append(open ? "" : "\n");
  }
  if (line.empty()) return made;
  if (open) made += '\n';
  return made.append(line).append(kHostsMark).append("\n");
}

}  // namespace klubster
