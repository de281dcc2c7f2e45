// Records on disk, line by line: neither side ever holds all of them as JSON.
#include "peer/kept_records.h"

#include "base/log.h"
#include "linux/files.h"
#include "peer/wire.h"

namespace klubster {

namespace {

constexpr std::size_t kRecordsBytes = 4 * 1024 * 1024;

std::string path_in(const std::string& state_dir) {
  return state_dir + "/records.jsonl";
}

}  // namespace

std::vector<NodeRecord> load_kept_records(const std::string& state_dir) {
  const std::string path = path_in(state_dir);
  std::vector<NodeRecord> records;
  if (!exists(path)) return records;
  const Result<std::string> text = read_file(path, kRecordsBytes);
  std::size_t damaged = text ? 0 : 1;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    Result<NodeRecord> record = parse_record(rest.substr(0, end));
    // A line without an end was cut off.
    if (end != rest.npos && record) {
      records.push_back(*std::move(record));
    } else {
      ++damaged;
    }
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  if (damaged > 0) {
    log_warning(path + " is damaged: " + std::to_string(records.size()) +
                " records of it can be read, the others are asked for again");
  }
  return records;
}

Status keep_records(const std::string& state_dir, const std::vector<const NodeRecord*>& records) {
  std::string text;
  for (const NodeRecord* record : records) {
    const std::string line = to_json(*record).dump() + "\n";
    if (text.size() + line.size() <= kRecordsBytes) text += line;
  }
  return write_file_durably(path_in(state_dir), text, 0600).in("keeping what peers said");
}

}  // namespace klubster
