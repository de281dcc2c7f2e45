// Which of a download's many steps are worth a line in the journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/progress.h"

namespace klubster {

// A download of less than ten seconds gets none, a longer one at most one each ten seconds.
class DownloadNews {
 public:
  std::optional<std::string> line(const std::optional<FetchProgress>& progress,
                                  std::uint64_t now_usec);

 private:
  bool running_ = false;
  std::uint64_t told_usec_ = 0;
};

}  // namespace klubster
