// How far a download is, in the words of a worker's status line and of a status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace klubster {

struct FetchProgress {
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;             // 0: unknown
  std::uint64_t bytes_per_second = 0;  // lately; 0: not known yet
  // Time left at this rate; nullopt while total or rate is unknown.
  std::optional<std::uint64_t> left_sec() const;
};

// "downloading 1048576 of 5242880 bytes, 524288 bytes/s": what klubster-fetch says of itself.
std::string status_line(const FetchProgress& progress);
// The same read back. Nothing for any other text: who says it is not to be believed.
std::optional<FetchProgress> fetch_progress(std::string_view line);

// The `download` of a status (docs/status.md), and the same read back.
Json to_json(const FetchProgress& progress);
FetchProgress progress_from_json(const Json& json);

// "12.3 of 50.0 MiB, 1.8 MiB/s, 19 s left", for people.
std::string progress_text(const FetchProgress& progress);

}  // namespace klubster
