// Signatures in minisign's format: prehashed Ed25519 with a signed trusted comment.
//
// Format: https://jedisct1.github.io/minisign/#signature-format (algorithm "ED": Ed25519 over the
// BLAKE2b-512 of the file; then Ed25519 over that signature and the trusted comment).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ed25519.h"
#include "base/result.h"

namespace klubster {

// What a file of a public or secret key, and of a signature, may come to.
inline constexpr std::size_t kMinisignKeyBytes = 4096;
inline constexpr std::size_t kMinisignSignatureBytes = 16 * 1024;

struct MinisignPublicKey {
  std::string id;   // 8 raw bytes
  std::string key;  // 32 raw bytes
};

struct MinisignSignature {
  std::string key_id;     // 8 raw bytes
  std::string signature;  // over the BLAKE2b-512 of the file
  std::string trusted_comment;
  std::string comment_signature;
};

// What klubster writes into the trusted comment and demands of it.
struct TrustedComment {
  std::string name, version;
  std::uint64_t seq = 0;
  std::uint64_t size = 0;
  std::string sha256;
  std::string cluster;  // empty: for any
};

struct MinisignSecretKey {
  std::string id;
  Ed25519Key key;
};

// As minisign prints it: a number in capital hex digits, without leading zeros.
std::string key_id_text(std::string_view id);

// The line "RW…", or the whole .pub file. kInvalid, reason "BadKey".
Result<MinisignPublicKey> parse_public_key(std::string_view text);
// The text of a .minisig file. kUntrusted, reason "SignatureMismatch": cut, malformed, or of the
// legacy algorithm "Ed", which hashes nothing beforehand.
Result<MinisignSignature> parse_signature(std::string_view text);
// kUntrusted, reason "SignatureMismatch", when a word is missing, doubled or malformed. Words that
// this version does not know are let pass: they are signed.
Result<TrustedComment> parse_trusted_comment(std::string_view text);
std::string to_text(const TrustedComment& comment);

// Whether one of `keys` signed this comment; says nothing about the file yet. Returns that key;
// kUntrusted, reason "SignatureMismatch": the key is unknown, or the comment changed.
Result<MinisignPublicKey> verify_comment(const MinisignSignature& signature,
                                         const std::vector<MinisignPublicKey>& keys);
// Whether `key` signed the file with this hash. kUntrusted, reason "SignatureMismatch".
Status verify_hash(const MinisignSignature& signature, const MinisignPublicKey& key,
                   std::string_view blake2b512);

// Whether the text of a secret key file is one that a passphrase protects.
bool has_passphrase(std::string_view secret_key_text);
// The text of a secret key file made by `minisign -G`. kInvalid, reason "BadKey": it is none, it is
// damaged, or the passphrase is wrong. kIo: the key takes more memory than there is, 1 GiB mostly.
Result<MinisignSecretKey> parse_secret_key(std::string_view text, std::string_view passphrase = {});
// The text of the .minisig file.
std::string sign_hash(const MinisignSecretKey& secret, std::string_view blake2b512,
                      std::string_view trusted_comment);

}  // namespace klubster
