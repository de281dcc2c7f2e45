// What the kernel's files say of a control group.
#include "linux/cgroup_usage.h"

#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;

TEST_CASE("usage is read from control groups of version 2", "[cgroup]") {
  TreeFiles root;
  root.write("klubster.slice/a.service/cpu.stat",
             "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n");
  root.write("klubster.slice/a.service/memory.peak", "4096\n");
  root.write("klubster.slice/a.service/io.stat",
             "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"
             "8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n");
  const CgroupUsage usage = read_cgroup_usage("/klubster.slice/a.service", root.path());
  CHECK(usage.cpu_usec == 1234);
  CHECK(usage.memory_peak_bytes == 4096);
  CHECK(usage.io_read_bytes == 11);
  CHECK(usage.io_write_bytes == 22);
}

TEST_CASE("usage is read from control groups of version 1 and of both", "[cgroup]") {
  TreeFiles root;
  root.write("cpuacct/klubster.slice/a.service/cpuacct.usage", "5000\n");
  root.write("memory/klubster.slice/a.service/memory.max_usage_in_bytes", "8192\n");
  root.write("blkio/klubster.slice/a.service/blkio.throttle.io_service_bytes",
             "8:0 Read 7\n8:0 Write 8\n8:0 Total 15\nTotal 15\n");
  const CgroupUsage usage = read_cgroup_usage("/klubster.slice/a.service", root.path());
  CHECK(usage.cpu_usec == 5);
  CHECK(usage.memory_peak_bytes == 8192);
  CHECK(usage.io_read_bytes == 7);
  CHECK(usage.io_write_bytes == 8);
  root.write("unified/klubster.slice/a.service/cpu.stat", "usage_usec 6\n");
  CHECK(read_cgroup_usage("/klubster.slice/a.service", root.path()).cpu_usec == 6);
}

TEST_CASE("what is not counted is absent, and the machine's own group is nobody's", "[cgroup]") {
  TreeFiles root;
  root.write("cpu.stat", "usage_usec 1234\n");
  root.write("klubster.slice/a.service/memory.peak", "max\n");
  const auto group = GENERATE(as<std::string>{}, "", "/", "/../x", "/klubster.slice/a.service",
                              "/klubster.slice/gone.service");
  const CgroupUsage usage = read_cgroup_usage(group, root.path());
  CHECK_FALSE(usage.cpu_usec);
  CHECK_FALSE(usage.memory_peak_bytes);
  CHECK_FALSE(usage.io_read_bytes);
  CHECK_FALSE(usage.io_write_bytes);
}
