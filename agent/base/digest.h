// SHA-256, BLAKE2b-512, HKDF, scrypt, random bytes and the text forms of bytes (hex, base64).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace klubster {

// Bytes are carried in std::string, text or not: one string type everywhere. As C libraries want
// them:
inline const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* as_bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string to_hex(std::string_view bytes);
// Only [0-9a-f], even length; anything else is kInvalid.
Result<std::string> from_hex(std::string_view text);

std::string to_base64(std::string_view bytes);
// RFC 4648 section 4, strict: padding required, no white space, unused bits zero. kInvalid else.
Result<std::string> from_base64(std::string_view text);

enum class HashKind { kSha256, kBlake2b512 };

// A running hash. finish() may be called once.
class Hasher {
 public:
  explicit Hasher(HashKind kind);
  void update(std::string_view bytes);
  std::string finish();  // raw bytes: 32 or 64

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

// SHA-256 of `bytes` in hex, 64 characters: the form of every digest that people see.
std::string sha256_hex(std::string_view bytes);
// 64 lower-case hex characters.
bool is_sha256_hex(std::string_view text);

// RFC 5869 with SHA-256: `length` bytes, at most 255 * 32.
std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                        std::size_t length);

// RFC 7914. `log2_n` is the logarithm of its cost; it takes 128 * r << log2_n bytes of memory: kIo
// when they are not to be had.
struct ScryptCost {
  unsigned log2_n = 0, r = 0, p = 0;
};
Result<std::string> scrypt(std::string_view passphrase, std::string_view salt,
                           const ScryptCost& cost, std::size_t length);

// From the kernel, by OpenSSL's generator.
std::string random_bytes(std::size_t count);

// Before main's first use of OpenSSL: no configuration file is read (OPENSSL_CONF loads code).
void start_crypto();

}  // namespace klubster
