// The addresses of this machine's network interfaces.
#pragma once

#include <string>
#include <vector>

namespace klubster {

// Sorted IPv4, then IPv6 addresses of interfaces that are up: no loopback, no link-local ones
// (getifaddrs(3)). Empty when there is no network yet.
std::vector<std::string> interface_addresses();

}  // namespace klubster
