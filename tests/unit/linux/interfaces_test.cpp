// Which addresses of network cards tell a machine from another.
#include "linux/interfaces.h"

#include <filesystem>
#include <fstream>

#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

// A /sys with one directory for each card that the kernel shows there.
class Sys : public TemporaryDirectory {
 public:
  void add(const std::string& name, unsigned index, const std::string& address, bool device) {
    const fs::path place = fs::path(path()) / "class" / "net" / name;
    fs::create_directories(device ? place / "device" : place);
    std::ofstream(place / "ifindex") << index << '\n';
    std::ofstream(place / "address") << address << '\n';
  }
};

using Addresses = std::vector<std::string>;

}  // namespace

TEST_CASE("only real cards count where there is one", "[interfaces]") {
  Sys sys;
  sys.add("eth0", 2, "52:54:00:00:00:02", true);
  sys.add("eth1", 3, "52:54:00:00:00:01", true);
  sys.add("br0", 4, "52:54:00:00:00:09", false);

  CHECK(machine_addresses({{"eth0", 2, "52:54:00:00:00:02", ""},
                           {"eth1", 3, "52:54:00:00:00:01", ""},
                           {"br0", 4, "52:54:00:00:00:09", ""}},
                          sys.path()) == Addresses{"52:54:00:00:00:01", "52:54:00:00:00:02"});
}

TEST_CASE("the permanent address counts, which bonding does not change", "[interfaces]") {
  Sys sys;
  sys.add("eth0", 2, "52:54:00:00:00:01", true);
  sys.add("eth1", 3, "52:54:00:00:00:01", true);
  sys.add("bond0", 4, "52:54:00:00:00:01", false);

  CHECK(machine_addresses({{"eth0", 2, "52:54:00:00:00:01", "52:54:00:00:00:01"},
                           {"eth1", 3, "52:54:00:00:00:01", "52:54:00:00:00:02"},
                           {"bond0", 4, "52:54:00:00:00:01", ""}},
                          sys.path()) == Addresses{"52:54:00:00:00:01", "52:54:00:00:00:02"});
}

TEST_CASE("a container counts its own interfaces, not those that /sys shows", "[interfaces]") {
  Sys sys;
  sys.add("eth0", 2, "52:54:00:00:00:01", true);  // of the machine below
  const std::string own = GENERATE("02:00:00:00:00:01", "52:54:00:00:00:01");
  const unsigned index = own == "52:54:00:00:00:01" ? 7 : 2;

  CHECK(machine_addresses({{"eth0", index, own, ""}, {"eth1", 8, own, ""}}, sys.path()) ==
        Addresses{own});
}

TEST_CASE("interfaces of this machine are told well-formed", "[interfaces]") {
  for (const auto& one : ethernet_interfaces()) {
    CHECK(!one.name.empty());
    CHECK(one.name != "lo");
    CHECK(one.index != 0);
    CHECK(one.address.size() == 17);
    CHECK((one.permanent.empty() || one.permanent.size() == 17));
  }
}
