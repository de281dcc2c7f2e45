// What a TLS session says of the caller.
#pragma once

#include <gnutls/gnutls.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "peer/roster.h"

namespace klubster {

// Who calls, under one set of authorities.
class CallerCheck {
 public:
  // Name and key of the certificate at the other end. kUntrusted: reason "PeerCertificate" when
  // there is none, or its name or key is not one that a node has; "PeerTokenDiffers" when another
  // authority issued it. `address` is remembered in the result.
  Result<Caller> identify(gnutls_session_t session, const std::string& address);

 private:
  // A certificate that was found good is so for some minutes, within its dates: judging it costs
  // more than the handshake, which proves each time that the caller has its key.
  struct Known {
    std::string name, key;
    std::int64_t not_before = 0, not_after = 0;  // seconds by the wall clock
    std::uint64_t until_usec = 0;
  };
  std::map<std::string, Known> known_;  // by the certificate's digest
};

}  // namespace klubster
