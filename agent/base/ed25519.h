// Ed25519 keys, signatures and their verification (RFC 8032), by libcrypto.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

inline constexpr std::size_t kEd25519KeyBytes = 32;
inline constexpr std::size_t kEd25519SignatureBytes = 64;

// A private key as its 32-byte seed. Never printed.
class Ed25519Key {
 public:
  static Ed25519Key generate();
  // kInvalid when `seed` is not 32 bytes.
  static Result<Ed25519Key> from_seed(std::string_view seed);

  const std::string& seed() const { return seed_; }
  const std::string& public_key() const { return public_key_; }  // 32 raw bytes
  std::string sign(std::string_view message) const;              // 64 raw bytes

 private:
  Ed25519Key(std::string seed, std::string public_key)
      : seed_(std::move(seed)), public_key_(std::move(public_key)) {}
  std::string seed_;
  std::string public_key_;
};

// True only for a signature of exactly `message` by `public_key` (raw bytes). Never throws on
// input.
bool ed25519_verify(std::string_view public_key, std::string_view message,
                    std::string_view signature);

}  // namespace klubster
