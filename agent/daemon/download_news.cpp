// One line each ten seconds.
#include "daemon/download_news.h"

namespace klubster {

namespace {

constexpr std::uint64_t kPauseUsec = 10'000'000;

}  // namespace

std::optional<std::string> DownloadNews::line(const std::optional<FetchProgress>& progress,
                                              std::uint64_t now_usec) {
  const bool began = progress && !running_;
  running_ = progress.has_value();
  if (began) told_usec_ = now_usec;
  if (!running_ || now_usec - told_usec_ < kPauseUsec) return std::nullopt;
  told_usec_ = now_usec;
  return "downloading the package: " + progress_text(*progress);
}

}  // namespace klubster
