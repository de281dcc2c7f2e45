// The cluster's authority and the certificates that it issues: X.509 with Ed25519 (peers.md,
// "Exchange").
#pragma once

#include <string>
#include <string_view>

#include "base/ed25519.h"
#include "base/result.h"

struct x509_st;

namespace klubster {

// The authority's key, derived from the token's secret (model/token.h) by HKDF: whoever holds the
// token is the authority.
Ed25519Key authority_key(std::string_view token_secret);

// The authority's self-signed certificate as PEM. Every node derives the same bytes: serial and
// dates are fixed (1970 to 9999: a machine with a dead clock battery can join too).
std::string authority_certificate(const Ed25519Key& authority);

// A certificate for `name` (CN and SAN) and `public_key` (raw Ed25519), for both ends of TLS, as
// PEM. The same arguments give the same bytes.
std::string issue_certificate(const Ed25519Key& authority, std::string_view public_key,
                              const std::string& name);

// The raw Ed25519 key of a certificate (PEM, or libcrypto's X509); empty when it has none of that
// kind.
std::string certificate_key(const std::string& pem);
std::string certificate_key(const x509_st* certificate);

// The key of a PKCS #8 PEM. kInvalid, reason "BadKey", when it is not an Ed25519 one.
Result<Ed25519Key> private_key_from_pem(const std::string& pem);

// Whether the first certificate of `pem` is for this name (RFC 6125: SAN, else CN).
bool is_certificate_for(const std::string& pem, const std::string& name);

// PKCS #8 PEM. A secret.
std::string private_key_pem(const Ed25519Key& key);

}  // namespace klubster
