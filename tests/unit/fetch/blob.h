// What the test server serves as its blob (tests/unit/http/server.py).
#pragma once

#include <cstdint>
#include <string>

#include "tests/unit/http/test_server.h"

namespace klubster {

inline constexpr std::uint64_t kBlobBytes = 300'000;

inline std::string blob_bytes() {
  std::string blob;
  for (std::size_t i = 0; i < kBlobBytes; ++i)
    blob += static_cast<char>(i * 7 % 251);
  return blob;
}

}  // namespace klubster
