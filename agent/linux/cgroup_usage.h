// What the processes of a control group use, as the kernel counts it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace klubster {

// What the machine does not count is absent: without the memory controller there is no peak, on a
// hybrid hierarchy there may be CPU time alone.
struct CgroupUsage {
  std::optional<std::uint64_t> cpu_usec, memory_peak_bytes, io_read_bytes, io_write_bytes;
};

// `group` as systemd names it ("/klubster.slice/etcd.service"); empty for a unit without processes.
// Reads cgroup2, below `root` or `root`/unified, and the controllers of version 1 beside it.
CgroupUsage read_cgroup_usage(const std::string& group, const std::string& root = "/sys/fs/cgroup");

}  // namespace klubster
