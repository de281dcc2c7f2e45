// What a TLS session says of the caller.
#pragma once

#include <gnutls/gnutls.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "peer/roster.h"

namespace klubster {

// Seconds by the wall clock.
struct ValidDates {
  std::int64_t from = 0, until = -1;
};

// Who calls, under one set of authorities.
class CallerCheck {
 public:
  // Name and key of the certificate at the other end. kUntrusted: reason "PeerCertificate" when
  // there is none, or its name or key is not one that a node has; "PeerTokenDiffers" when another
  // authority issued it. `address` is remembered in the result.
  Result<Caller> identify(gnutls_session_t session, const std::string& address);

 private:
  // A certificate that was found good is so while it and all that it leads to is valid: judging it
  // costs half as much as the whole handshake, which proves each time that the caller has its key.
  struct Known {
    std::string name, key;
    ValidDates dates;
  };
  std::map<std::string, Known> known_;  // by the certificate's digest
};

}  // namespace klubster
