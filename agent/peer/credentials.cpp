// Credentials from a token, two tokens, or files of somebody's own authority.
#include "peer/credentials.h"

#include "peer/certificate.h"

namespace klubster {

Result<Ed25519Key> identity_key(const PeerConfig& config, const Ed25519Key& made) {
  if (config.private_key_pem.empty()) return made;
  Result<Ed25519Key> given = private_key_from_pem(config.private_key_pem);
  if (!given) return std::move(given).error().in("peering/private-key");
  return given;
}

Result<PeerCredentials> make_credentials(const PeerConfig& config, const Ed25519Key& identity) {
  if (config.ca_pem.empty()) {
    const Ed25519Key authority = authority_key(config.token_secret);
    std::string believed = authority_certificate(authority);
    if (!config.next_token_secret.empty()) {
      believed += authority_certificate(authority_key(config.next_token_secret));
    }
    return PeerCredentials{std::move(believed),
                           issue_certificate(authority, identity.public_key(), config.node),
                           private_key_pem(identity)};
  }
  const auto refuse = [](std::string message) {
    return Error(ErrorKind::kInvalid, "BadCertificate", std::move(message))
        .in("peering/certificate");
  };
  if (certificate_key(config.certificate_pem) != identity.public_key()) {
    return refuse(
        "expected a certificate of the Ed25519 key in peering/private-key, found one of "
        "another key");
  }
  if (!is_certificate_for(config.certificate_pem, config.node)) {
    return refuse("expected a certificate for the node's name " + config.node +
                  ", found one for another name");
  }
  return PeerCredentials{config.ca_pem, config.certificate_pem, private_key_pem(identity)};
}

}  // namespace klubster
