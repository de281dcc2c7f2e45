// Addresses of IPv4 and IPv6 as text.
#pragma once

#include <string>

namespace klubster {

// Without a zone, a port or brackets.
bool is_ip_address(const std::string& text);

}  // namespace klubster
