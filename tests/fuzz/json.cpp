// Fuzz target: what the strict JSON reader accepts, it writes back to the same value.
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = klubster::parse_json(text);
  if (!first) return 0;
  // The copy may be longer than the original (escapes), but never another value.
  klubster::JsonLimits limits;
  limits.bytes = 16 * limits.bytes;
  const auto second = klubster::parse_json(first->dump(), limits);
  if (!second || second->dump() != first->dump()) __builtin_trap();
  return 0;
}
