// klubster hardware: what identifies this machine, for a daemon whose sandbox hides it.
#include "cli/hardware.h"

#include <iostream>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "linux/files.h"

namespace klubster {

namespace {

constexpr std::size_t kFactBytes = 4096;

// Machines lack serial numbers, containers lack all of it: what is not there is empty.
std::string fact(const std::string& path) {
  return std::string(trim(read_file(path, kFactBytes).value_or("")));
}

// Real cards only: a bridge's or a container's address says nothing about the machine.
std::vector<std::string> mac_addresses(const std::string& sys) {
  std::vector<std::string> found;
  const std::string net = sys + "/class/net";
  for (const auto& name : list_directory(net).value_or(std::vector<std::string>())) {
    if (!exists(net + "/" + name + "/device")) continue;
    const std::string address = fact(net + "/" + name + "/address");
    if (!address.empty() && address != "00:00:00:00:00:00") found.push_back(address);
  }
  return found;
}

}  // namespace

Json hardware_facts(const std::string& sys, const std::string& etc) {
  Json facts;
  facts["v"] = 1;
  facts["machineId"] = fact(etc + "/machine-id");
  facts["serial"] = fact(sys + "/class/dmi/id/product_serial");
  facts["product"] = fact(sys + "/class/dmi/id/product_name");
  facts["vendor"] = fact(sys + "/class/dmi/id/sys_vendor");
  facts["macs"] = mac_addresses(sys);
  return facts;
}

Action declare_hardware(Arguments&) {
  return [] {
    std::cout << hardware_facts("/sys", "/etc").pretty() << "\n";
    return kExitDone;
  };
}

}  // namespace klubster
