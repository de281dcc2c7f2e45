// The one place that compiles Catch2's main, for version 2.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
