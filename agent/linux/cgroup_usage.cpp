// Formats: Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/{cpuacct,memory,blkio-controller}.rst of the kernel.
#include "linux/cgroup_usage.h"

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kFileBytes = 64 * 1024;

std::string content(const std::string& path) {
  auto bytes = read_file(path, kFileBytes);  // absent: this kernel or hierarchy does not count it
  return bytes ? std::string(trim(*bytes)) : std::string();
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  return parse_number(content(path));
}

// "usage_usec 77" in lines of such pairs.
std::optional<std::uint64_t> named_number(const std::string& text, const std::string& name) {
  for (const auto& line : split(text, '\n')) {
    const auto pair = words(line);
    if (pair.size() == 2 && pair[0] == name) return parse_number(pair[1]);
  }
  return std::nullopt;
}

// The sum over all devices of "8:0 rbytes=1 wbytes=2 …" (io.stat); absent when there is no file.
std::optional<std::uint64_t> sum_of(const std::string& path, const std::string& name) {
  if (!exists(path)) return std::nullopt;
  std::uint64_t sum = 0;
  for (const auto& word : words(content(path))) {
    if (!word.starts_with(name + "=")) continue;
    sum += parse_number(std::string_view(word).substr(name.size() + 1)).value_or(0);
  }
  return sum;
}

// The same of "8:0 Read 1" in lines (blkio).
std::optional<std::uint64_t> sum_of_lines(const std::string& path, const std::string& name) {
  if (!exists(path)) return std::nullopt;
  std::uint64_t sum = 0;
  for (const auto& line : split(content(path), '\n')) {
    const auto parts = words(line);
    if (parts.size() == 3 && parts[1] == name) sum += parse_number(parts[2]).value_or(0);
  }
  return sum;
}

void fill(std::optional<std::uint64_t>& value, std::optional<std::uint64_t> found) {
  if (!value) value = found;
}

}  // namespace

CgroupUsage read_cgroup_usage(const std::string& group, const std::string& root) {
  CgroupUsage usage;
  // The root group is the whole machine: that is no unit's.
  if (group.size() < 2 || group[0] != '/' || group.find("..") != std::string::npos) return usage;
  for (const char* hierarchy : {"", "/unified"}) {
    const std::string dir = root + hierarchy + group;
    fill(usage.cpu_usec, named_number(content(dir + "/cpu.stat"), "usage_usec"));
    fill(usage.memory_peak_bytes, number_in(dir + "/memory.peak"));
    fill(usage.io_read_bytes, sum_of(dir + "/io.stat", "rbytes"));
    fill(usage.io_write_bytes, sum_of(dir + "/io.stat", "wbytes"));
  }
  if (const auto nsec = number_in(root + "/cpuacct" + group + "/cpuacct.usage")) {
    fill(usage.cpu_usec, *nsec / 1000);
  }
  fill(usage.memory_peak_bytes, number_in(root + "/memory" + group + "/memory.max_usage_in_bytes"));
  const std::string blkio = root + "/blkio" + group + "/blkio.throttle.io_service_bytes";
  fill(usage.io_read_bytes, sum_of_lines(blkio, "Read"));
  fill(usage.io_write_bytes, sum_of_lines(blkio, "Write"));
  return usage;
}

}  // namespace klubster
