// Catch2 2.13 (Debian) and 3 (nixpkgs) have different headers: include this one.
#pragma once

#ifdef KLUBSTER_CATCH2_3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#include <string>
namespace Catch::Matchers {
// Catch2 3's name for it; there, Contains() is about ranges.
inline auto ContainsSubstring(const std::string& text) {
  return Contains(text);
}
}  // namespace Catch::Matchers
#endif
