// What identifies a machine: network cards, serial number, product, machine id.
#pragma once

#include <string>
#include <vector>

#include "model/hardware.h"

namespace klubster {

// `sys` and `etc` are where /sys and /etc are; `macs` the cards' addresses.
Hardware hardware_facts(const std::string& sys, const std::string& etc,
                        std::vector<std::string> macs);

}  // namespace klubster
