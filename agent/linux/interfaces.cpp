// Reading interface addresses, of the network and of the hardware.
#include "linux/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <set>

#include "base/text.h"
#include "linux/files.h"

namespace klubster {

namespace {

struct FreeAddresses {
  void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

// Empty for what nobody else could call.
std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    const auto host = ntohl(v4->sin_addr.s_addr);
    if (host >> 24 == 127 || host >> 16 == 0xA9FE) return "";  // 127/8, 169.254/16
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    if (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) return "";
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return text;
}

constexpr std::size_t kHardwareBytes = 6;
constexpr std::size_t kFactBytes = 64;

// Empty for an address of nothing but zeros.
std::string hardware_text(const unsigned char* bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  bool any = false;
  for (std::size_t i = 0; i < kHardwareBytes; ++i) {
    if (i > 0) text += ':';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
    any = any || bytes[i] != 0;
  }
  return any ? text : "";
}

// What the maker gave the card (ETHTOOL_GPERMADDR); any socket of the namespace may ask.
std::string permanent_address(int socket, const char* name) {
  constexpr std::size_t kHead = offsetof(ethtool_perm_addr, data);
  alignas(ethtool_perm_addr) unsigned char question[kHead + 32] = {};
  auto* head = reinterpret_cast<ethtool_perm_addr*>(question);
  head->cmd = ETHTOOL_GPERMADDR;
  head->size = sizeof question - kHead;
  ifreq request = {};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(question);
  if (::ioctl(socket, SIOCETHTOOL, &request) < 0) return "";
  return head->size == kHardwareBytes ? hardware_text(question + kHead) : "";
}

// In a container /sys may show the devices of the machine below it, under the same names: only what
// is the same device by number and address counts.
bool is_real_card(const EthernetInterface& one, const std::string& sys) {
  const std::string place = sys + "/class/net/" + one.name;
  const auto fact = [&](const char* name) {
    return std::string(trim(read_file(place + "/" + name, kFactBytes).value_or("")));
  };
  return exists(place + "/device") && fact("ifindex") == std::to_string(one.index) &&
         fact("address") == one.address;
}

}  // namespace

std::vector<std::string> interface_addresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, FreeAddresses> list(raw);
  std::vector<std::string> v4, v6;
  for (const ifaddrs* one = raw; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0) continue;
    const std::string text = address_text(one->ifa_addr);
    if (!text.empty()) (one->ifa_addr->sa_family == AF_INET ? v4 : v6).push_back(text);
  }
  std::sort(v4.begin(), v4.end());
  std::sort(v6.begin(), v6.end());
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

std::vector<EthernetInterface> ethernet_interfaces() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, FreeAddresses> list(raw);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::vector<EthernetInterface> found;
  for (const ifaddrs* one = raw; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_PACKET) continue;
    const auto* link = reinterpret_cast<const sockaddr_ll*>(one->ifa_addr);
    if (link->sll_hatype != ARPHRD_ETHER || link->sll_halen != kHardwareBytes) continue;
    EthernetInterface card;
    card.name = one->ifa_name;
    card.index = static_cast<unsigned>(link->sll_ifindex);
    card.address = hardware_text(link->sll_addr);
    card.permanent = permanent_address(socket.get(), one->ifa_name);
    if (!card.address.empty()) found.push_back(std::move(card));
  }
  return found;
}

std::vector<std::string> machine_addresses(const std::vector<EthernetInterface>& found,
                                           const std::string& sys) {
  std::set<std::string> real;
  std::set<std::string> all;
  for (const auto& one : found) {
    const std::string& address = one.permanent.empty() ? one.address : one.permanent;
    all.insert(address);
    if (is_real_card(one, sys)) real.insert(address);
  }
  const auto& chosen = real.empty() ? all : real;
  return {chosen.begin(), chosen.end()};
}

}  // namespace klubster
