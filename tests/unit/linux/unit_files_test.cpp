// Names that klubster's own services must not take.
#include "linux/unit_files.h"

#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;

TEST_CASE("a unit file of the machine is found, a mask too; a transient one is not",
          "[unit-files]") {
  const TreeFiles root;
  root.write("run/systemd/transient/ours.service", "x");
  root.write("usr/lib/systemd/system/etcd.service", "x");
  root.write("etc/systemd/system/unrelated.service", "x");
  std::filesystem::create_symlink("/dev/null", root.at("etc/systemd/system/masked.service"));

  CHECK(machine_unit_file("ours.service", root.path()).empty());
  CHECK(machine_unit_file("none.service", root.path()).empty());
  CHECK(machine_unit_file("etcd.service", root.path()) == "/usr/lib/systemd/system/etcd.service");
  CHECK(machine_unit_file("masked.service", root.path()) == "/etc/systemd/system/masked.service");
}
