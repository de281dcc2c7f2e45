// klubster hardware: what identifies this machine, for a daemon whose sandbox hides it.
#include "cli/hardware.h"

#include <iostream>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "linux/files.h"
#include "linux/interfaces.h"

namespace klubster {

namespace {

constexpr std::size_t kFactBytes = 4096;

// Machines lack serial numbers, containers lack all of it: what is not there is empty.
std::string fact(const std::string& path) {
  return std::string(trim(read_file(path, kFactBytes).value_or("")));
}

}  // namespace

Json hardware_facts(const std::string& sys, const std::string& etc,
                    const std::vector<std::string>& macs) {
  Json facts;
  facts["v"] = 1;
  facts["machineId"] = fact(etc + "/machine-id");
  facts["serial"] = fact(sys + "/class/dmi/id/product_serial");
  facts["product"] = fact(sys + "/class/dmi/id/product_name");
  facts["vendor"] = fact(sys + "/class/dmi/id/sys_vendor");
  Json list = Json::array();
  for (const auto& mac : macs)
    list.push_back(mac);
  facts["macs"] = std::move(list);
  return facts;
}

Action declare_hardware(Arguments& arguments) {
  const auto output = std::make_shared<std::string>();
  arguments.option("-o,--output", output.get(), "FILE",
                   "Replace this file, which only root may read, instead of printing");
  return [output] {
    const auto macs = machine_addresses(ethernet_interfaces(), "/sys");
    const std::string text = hardware_facts("/sys", "/etc", macs).pretty() + "\n";
    if (output->empty()) {
      std::cout << text;
      return kExitDone;
    }
    const auto written = write_file(*output, text, 0600);
    return written ? kExitDone : report(written.error());
  };
}

}  // namespace klubster
