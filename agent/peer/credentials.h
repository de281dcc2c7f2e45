// What this node shows at both ends of TLS, and which authorities it believes.
#pragma once

#include <string>

#include "base/ed25519.h"
#include "base/result.h"
#include "peer/config.h"

namespace klubster {

struct PeerCredentials {
  std::string authority_pem;  // one, or two while a token is turned
  std::string certificate_pem, key_pem;
  bool operator==(const PeerCredentials&) const = default;
};

// The key that the config gives, or `made`, which this node made itself. kInvalid: BadKey.
Result<Ed25519Key> identity_key(const PeerConfig& config, const Ed25519Key& made);

// `identity` as identity_key() gave it. By default the authority is derived from the token, and the
// node issues its own certificate; with peering/ca the given ones are used. kInvalid, reason
// "BadCertificate": the certificate is for another name or key.
Result<PeerCredentials> make_credentials(const PeerConfig& config, const Ed25519Key& identity);

}  // namespace klubster
