// What a TLS session says of the caller.
#pragma once

#include <gnutls/gnutls.h>

#include <string>

#include "base/result.h"
#include "peer/roster.h"

namespace klubster {

// Name and key of the certificate at the other end. kUntrusted: reason "PeerCertificate" when there
// is none, or its name or key is not one that a node has; "PeerTokenDiffers" when another authority
// issued it. `address` is remembered in the result.
Result<Caller> identify_caller(gnutls_session_t session, const std::string& address);

}  // namespace klubster
