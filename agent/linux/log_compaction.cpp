// The base is durable before a segment goes; what a crash leaves behind goes the next time.
#include "linux/log_compaction.h"

#include <sys/stat.h>

#include <cerrno>

#include "linux/log_files.h"
#include "linux/log_restore.h"
#include "linux/log_snapshot.h"
#include "model/event_line.h"

namespace klubster {

namespace {

std::uint64_t bytes_of(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// The first segment that stays.
std::uint64_t first_to_keep(const std::string& directory, const std::vector<std::uint64_t>& numbers,
                            std::uint64_t present, std::uint64_t log_bytes) {
  std::uint64_t total = 0;
  for (const auto number : numbers)
    total += bytes_of(directory + "/" + log_segment_name(number));
  for (const auto number : numbers) {
    if (total <= log_bytes || number >= present) return number;
    total -= bytes_of(directory + "/" + log_segment_name(number));
  }
  return present;
}

Error damaged(std::string why) {
  return log_damaged(std::move(why)).in("compacting the event log");
}

}  // namespace

Status compact_log(const std::string& directory, std::uint64_t present, std::uint64_t log_bytes) {
  const auto numbers = log_segments(directory);
  if (!numbers) return numbers.error();
  const std::uint64_t keep = first_to_keep(directory, *numbers, present, log_bytes);
  auto base = read_log_snapshot(directory + "/" + kLogBase);
  if (!base) return base.error();
  LogSnapshot fold = base->value_or(LogSnapshot());
  if (!*base && !numbers->empty() && numbers->front() != 1) {
    // A log that had to begin anew begins after what was set aside.
    const auto first = first_line_of(directory, numbers->front());
    if (!first || first->seq != 1) return damaged("base.json is missing");
    fold.position.segment = numbers->front();
  }
  if (keep > fold.position.segment) {
    const auto read = read_chain(
        directory, fold.position,
        [&fold](const Event& event) {
          fold.state.fold(event);
          return true;
        },
        keep);
    if (!read) return read.error();
    if (!read->damage.empty()) return damaged(read->damage);
    LogPosition position = read->position;
    position.segment = keep;
    position.offset = 0;
    // An empty segment that follows proves nothing; it cannot be wrong either.
    const auto next = first_line_of(directory, keep);
    if (next && next->prev_hash != position.hash) {
      return damaged(log_segment_name(keep) + " does not follow " + log_segment_name(keep - 1));
    }
    if (auto written =
            write_log_snapshot(directory + "/" + kLogBase, position, fold.state, kNewestLogFormat);
        !written) {
      return written;
    }
    fold.position = position;
  }
  for (const auto number : *numbers) {
    if (number >= fold.position.segment) break;
    if (auto removed = remove_file(directory + "/" + log_segment_name(number)); !removed) {
      return removed;
    }
  }
  return sync_directory(directory);
}

}  // namespace klubster
