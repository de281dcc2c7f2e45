// Hashing by OpenSSL 3's EVP interface.
#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <stdexcept>

namespace klubster {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// libcrypto fails here only when memory is out or the build is broken.
void demand(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("libcrypto: ") + what);
}

// Fetched once: a context that is given EVP_sha256() asks libcrypto's providers anew, which takes
// longer than hashing an event.
const EVP_MD* algorithm(HashKind kind) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const blake2b = EVP_MD_fetch(nullptr, "BLAKE2B512", nullptr);
  const EVP_MD* found = kind == HashKind::kSha256 ? sha256 : blake2b;
  demand(found != nullptr, "EVP_MD_fetch");
  return found;
}

// Whether `derived` was filled by the key derivation `name`.
bool derive(const char* name, const OSSL_PARAM* parameters, std::string& derived) {
  struct FreeKdf {
    void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
  };
  const std::unique_ptr<EVP_KDF, FreeKdf> kdf(EVP_KDF_fetch(nullptr, name, nullptr));
  demand(kdf != nullptr, "EVP_KDF_fetch");
  const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(EVP_KDF_CTX_new(kdf.get()));
  demand(context != nullptr, "EVP_KDF_CTX_new");
  return EVP_KDF_derive(context.get(), as_bytes(derived), derived.size(), parameters) == 1;
}

}  // namespace

void start_crypto() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

std::string to_hex(std::string_view bytes) {
  std::string text(bytes.size() * 2, '\0');
  auto digit = text.begin();
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    *digit++ = kHexDigits[value >> 4];
    *digit++ = kHexDigits[value & 15];
  }
  return text;
}

Result<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return Error(ErrorKind::kInvalid, "BadValue", "hex text has an odd length");
  }
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kHexDigits.find(text[i]);
    const auto low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return Error(ErrorKind::kInvalid, "BadValue", "expected hex digits 0-9 a-f");
    }
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(as_bytes(text), as_bytes(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  const auto refuse = [](const char* why) {
    return Error(ErrorKind::kInvalid, "BadValue", std::string("base64: ") + why);
  };
  if (text.size() % 4 != 0) return refuse("length is not a multiple of four");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
    ++padding;

  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text.substr(0, text.size() - padding)) {
    const auto value = kBase64Digits.find(digit);
    if (value == std::string_view::npos) return refuse("unexpected character");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) return refuse("unused bits are not zero");
  return bytes;
}

void Hasher::Free::operator()(void* context) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

Hasher::Hasher(HashKind kind) : context_(EVP_MD_CTX_new()) {
  auto* context = static_cast<EVP_MD_CTX*>(context_.get());
  demand(EVP_DigestInit_ex(context, algorithm(kind), nullptr) == 1, "EVP_DigestInit_ex");
}

void Hasher::update(std::string_view bytes) {
  demand(
      EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_.get()), bytes.data(), bytes.size()) == 1,
      "EVP_DigestUpdate");
}

std::string Hasher::finish() {
  std::string value(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  demand(
      EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_.get()), as_bytes(value), &length) == 1,
      "EVP_DigestFinal_ex");
  value.resize(length);
  return value;
}

std::string sha256_hex(std::string_view bytes) {
  Hasher hasher(HashKind::kSha256);
  hasher.update(bytes);
  return to_hex(hasher.finish());
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

std::string hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                        std::size_t length) {
  std::string hash = "SHA256";
  std::string key(secret), salt_copy(salt), info_copy(info);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_copy.data(), salt_copy.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_copy.data(), info_copy.size()),
      OSSL_PARAM_construct_end()};
  std::string derived(length, '\0');
  demand(derive("HKDF", parameters, derived), "EVP_KDF_derive");
  OPENSSL_cleanse(key.data(), key.size());
  return derived;
}

Result<std::string> scrypt(std::string_view passphrase, std::string_view salt,
                           const ScryptCost& cost, std::size_t length) {
  std::string key(passphrase), salt_copy(salt);
  std::uint64_t n = std::uint64_t{1} << cost.log2_n, r = cost.r, p = cost.p;
  std::uint64_t memory = 128 * r * (n + p + 2);  // RFC 7914 section 5: V, B and the mixing's own
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, key.data(), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt_copy.data(), salt_copy.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
      OSSL_PARAM_construct_end()};
  std::string derived(length, '\0');
  const bool done = derive("SCRYPT", parameters, derived);
  OPENSSL_cleanse(key.data(), key.size());
  if (done) return derived;
  return Error(ErrorKind::kIo, "SystemCallFailed",
               "a key of this passphrase takes " + std::to_string(memory >> 20) +
                   " MiB of memory, which are not to be had");
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  demand(RAND_bytes(as_bytes(bytes), static_cast<int>(count)) == 1, "RAND_bytes");
  return bytes;
}

}  // namespace klubster
