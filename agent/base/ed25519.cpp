// Ed25519 by EVP_DigestSign and EVP_DigestVerify.
#include "base/ed25519.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "base/digest.h"

namespace klubster {

namespace {

struct FreeOpenssl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenssl>;
using MdContextPtr = std::unique_ptr<EVP_MD_CTX, FreeOpenssl>;

PkeyPtr private_key(std::string_view seed) {
  PkeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_bytes(seed), seed.size()));
  if (key == nullptr) throw std::runtime_error("libcrypto: EVP_PKEY_new_raw_private_key");
  return key;
}

}  // namespace

Ed25519Key Ed25519Key::generate() {
  return *from_seed(random_bytes(kEd25519KeyBytes));
}

Result<Ed25519Key> Ed25519Key::from_seed(std::string_view seed) {
  if (seed.size() != kEd25519KeyBytes) {
    return Error(ErrorKind::kInvalid, "BadValue", "an Ed25519 seed is 32 bytes long");
  }
  const PkeyPtr key = private_key(seed);
  std::string public_key(kEd25519KeyBytes, '\0');
  std::size_t length = public_key.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), as_bytes(public_key), &length) != 1) {
    throw std::runtime_error("libcrypto: EVP_PKEY_get_raw_public_key");
  }
  return Ed25519Key(std::string(seed), public_key);
}

std::string Ed25519Key::sign(std::string_view message) const {
  const PkeyPtr key = private_key(seed_);
  const MdContextPtr context(EVP_MD_CTX_new());
  std::string signature(kEd25519SignatureBytes, '\0');
  std::size_t length = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), as_bytes(signature), &length, as_bytes(message),
                     message.size()) != 1) {
    throw std::runtime_error("libcrypto: EVP_DigestSign");
  }
  return signature;
}

bool ed25519_verify(std::string_view public_key, std::string_view message,
                    std::string_view signature) {
  if (public_key.size() != kEd25519KeyBytes || signature.size() != kEd25519SignatureBytes) {
    return false;
  }
  const PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(public_key),
                                                public_key.size()));
  const MdContextPtr context(EVP_MD_CTX_new());
  if (key == nullptr || context == nullptr) return false;
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), as_bytes(signature), signature.size(), as_bytes(message),
                          message.size()) == 1;
}

}  // namespace klubster
