// klubster hardware: what identifies this machine, for a daemon whose sandbox hides it.
#include "cli/hardware.h"

#include <iostream>
#include <memory>
#include <utility>

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

Hardware hardware_facts(const std::string& sys, const std::string& etc,
                        std::vector<std::string> macs) {
  Hardware facts;
  facts.machine_id = fact(etc + "/machine-id");
  facts.serial = fact(sys + "/class/dmi/id/product_serial");
  facts.product = fact(sys + "/class/dmi/id/product_name");
  facts.vendor = fact(sys + "/class/dmi/id/sys_vendor");
  facts.macs = std::move(macs);
  return facts;
}

Action declare_hardware(Arguments& arguments) {
  const auto output = std::make_shared<std::string>();
  arguments.option("-o,--output", output.get(), "FILE",
                   "Replace this file, which only root may read, instead of printing");
  return [output] {
    Hardware facts =
        hardware_facts("/sys", "/etc", machine_addresses(ethernet_interfaces(), "/sys"));
    // /sys shows the serial number of the machine below, and of all containers on it.
    if (exists("/run/systemd/container")) facts.serial.clear();
    const std::string text = to_json(facts).pretty() + "\n";
    if (output->empty()) {
      std::cout << text;
      return kExitDone;
    }
    const auto written = write_file(*output, text, 0600);
    return written ? kExitDone : report(written.error());
  };
}

}  // namespace klubster
