// Waiting for what has no signal: a cluster that comes up.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "base/result.h"

namespace klubster {

// Asks `lacking` once a second until it returns an empty text; after `limit_usec` what it said last
// is the error: kTimeout, `reason`.
Status wait_until(std::uint64_t limit_usec, const char* reason, const auto& lacking) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(limit_usec);
  for (;;) {
    const std::string what = lacking();
    if (what.empty()) return {};
    if (std::chrono::steady_clock::now() >= until) {
      return Error(ErrorKind::kTimeout, reason, what);
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace klubster
