// What identifies a machine: network cards, serial number, product, machine id.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace klubster {

// {"v":1,"machineId","serial","product","vendor","macs":[…]}; what a machine lacks is empty. `sys`
// and `etc` are where /sys and /etc are.
Json hardware_facts(const std::string& sys, const std::string& etc,
                    const std::vector<std::string>& macs);

}  // namespace klubster
