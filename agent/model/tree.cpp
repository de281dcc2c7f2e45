// The rules of form that hold for every value.
#include "model/tree.h"

#include <array>

#include "base/text.h"

namespace klubster {

std::string_view layer_name(int layer) {
  constexpr std::array<std::string_view, 9> kNames = {
      "", "default", "image", "system", "machine", "runtime", "credential", "kernel", "location"};
  return layer >= kLayerDefault && layer <= kLayerLocation ? kNames[static_cast<std::size_t>(layer)]
                                                           : "other";
}

std::string TreeProblem::text() const {
  // Names of files are anybody's: a newline in one must not look like another message.
  std::string line = file.empty() ? "" : printable(file, 1024) + ": ";
  if (!key.empty()) line += "key " + printable(key, 512) + ": ";
  return line + message;
}

Result<std::string> tree_value(std::string bytes) {
  const auto refused = [](std::string message) {
    return Error(ErrorKind::kInvalid, "BadValue", std::move(message));
  };
  if (bytes.size() > kTreeValueBytes)
    return refused("expected at most 64 KiB, found a larger file");
  if (bytes.find('\0') != std::string::npos) return refused("expected text, found a NUL byte");
  if (!is_utf8(bytes)) return refused("expected UTF-8, found other bytes");
  if (bytes.find("\r\n") != std::string::npos || bytes.ends_with('\r')) {
    return refused("expected lines that end in LF, found CRLF (mend with: sed -i 's/\\r$//')");
  }
  if (bytes.ends_with('\n')) bytes.pop_back();
  return bytes;
}

}  // namespace klubster
