# Warnings, hardening, sanitizers and ccache.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                    $<$<BOOL:${KLUBSTER_WARNINGS_ARE_ERRORS}>:-Werror>)

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wno-c99-extensions)  # compound literals in libsystemd's macros
endif()

# GCC 12 warns of overlapping copies inside std::string where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)
endif()

# A unity build makes each file one that is included, and there GCC minds members of types without linkage.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-subobject-linkage)
endif()

# Without this sloppiness ccache keeps nothing that was compiled with a precompiled header.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    add_compile_options(-fpch-preprocess)
  endif()
endif()

# What comes from a precompiled header fills the heap at once at which GCC begins to collect garbage: a large test
# spends a tenth of its time with that. None needs more than 500 MB without, 60 MB more than with it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  add_compile_options(--param=ggc-min-heapsize=1000000)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro -Wl,-z,now -pie)
endif()
# Programs need only the libraries that they use: check-floors reads this back.
add_link_options(-Wl,--as-needed)

# Null pointers and ends of objects are the address sanitizer's as well, and words that are not aligned concern what
# reads bytes, where the fuzz targets look for them: with these checks the unit tests' build would take twice as long.
set(KLUBSTER_SANITIZERS -fsanitize=address,undefined -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=undefined)
if(KLUBSTER_SANITIZE)
  # GCC 12 sees uninitialized values inside <regex> once it is instrumented (GCC bug 105562).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_compile_options(${KLUBSTER_SANITIZERS} -fno-sanitize=alignment -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# libFuzzer's counters everywhere; its main only in the fuzz targets (tests/CMakeLists.txt).
if(KLUBSTER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "fuzz targets need clang: use cmake --preset fuzz")
  endif()
  add_compile_options(${KLUBSTER_SANITIZERS} -fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=address,undefined)
endif()
