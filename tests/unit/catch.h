// Catch2 2.13 (Debian) and 3 (nixpkgs) have different headers: include this one.
#pragma once

#ifdef KLUBSTER_CATCH2_3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
