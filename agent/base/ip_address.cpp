// What inet_pton(3) takes.
#include "base/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace klubster {

bool is_ip_address(const std::string& text) {
  in6_addr any = {};
  return text.find('\0') == text.npos && (::inet_pton(AF_INET, text.c_str(), &any) == 1 ||
                                          ::inet_pton(AF_INET6, text.c_str(), &any) == 1);
}

}  // namespace klubster
