// The network interfaces of this machine: how to reach it by them, and how they name it.
#pragma once

#include <string>
#include <vector>

namespace klubster {

// Sorted IPv4, then IPv6 addresses of interfaces that are up: no loopback, no link-local ones
// (getifaddrs(3)). Empty when there is no network yet.
std::vector<std::string> interface_addresses();

// One network card, real or not, of the network namespace that the process is in.
struct EthernetInterface {
  std::string name;
  unsigned index = 0;
  std::string address;    // "52:54:00:12:34:56", as the card is set now
  std::string permanent;  // as its maker set it; empty: the card does not say
};
// Every interface that speaks Ethernet and has an address, whether it is up or not; no loopback.
std::vector<EthernetInterface> ethernet_interfaces();

// What of `found` tells one machine from another, sorted and without doubles: the permanent
// address, where there is one (bonding changes the other), of the real cards. They are those with a
// device below `sys` (/sys). Where there is none, as in a container, every interface counts.
std::vector<std::string> machine_addresses(const std::vector<EthernetInterface>& found,
                                           const std::string& sys);

}  // namespace klubster
