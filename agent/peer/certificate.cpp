// X.509 by libcrypto. It fails here only when memory is out or the build is broken: exceptions.
#include "peer/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

#include "base/digest.h"

namespace klubster {

namespace {

struct FreeOpenssl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenssl>;

void demand(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("libcrypto: ") + what);
}

Owned<EVP_PKEY> private_pkey(const Ed25519Key& key) {
  Owned<EVP_PKEY> pkey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_bytes(key.seed()),
                                                    key.seed().size()));
  demand(pkey != nullptr, "EVP_PKEY_new_raw_private_key");
  return pkey;
}

Owned<EVP_PKEY> public_pkey(std::string_view key) {
  Owned<EVP_PKEY> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(key), key.size()));
  demand(pkey != nullptr, "EVP_PKEY_new_raw_public_key");
  return pkey;
}

Owned<X509_NAME> common_name(const std::string& text) {
  Owned<X509_NAME> name(X509_NAME_new());
  demand(name != nullptr && X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_UTF8,
                                                       as_bytes(text), -1, -1, 0) == 1,
         "X509_NAME_add_entry_by_txt");
  return name;
}

// The key's digest is part of the name: another token's authority is another issuer at first sight.
Owned<X509_NAME> authority_name(const Ed25519Key& authority) {
  return common_name("klubster cluster " + sha256_hex(authority.public_key()).substr(0, 16));
}

void set_serial(X509* certificate, std::string_view bytes) {
  const Owned<BIGNUM> number(BN_bin2bn(as_bytes(bytes), static_cast<int>(bytes.size()), nullptr));
  demand(number != nullptr &&
             BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
         "BN_to_ASN1_INTEGER");
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  demand(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1,
         "X509V3_EXT_conf_nid");
}

// Version, serial, dates, names and key; not yet signed.
Owned<X509> blank_certificate(std::string_view serial, X509_NAME* subject, X509_NAME* issuer,
                              EVP_PKEY* key) {
  Owned<X509> certificate(X509_new());
  demand(certificate != nullptr, "X509_new");
  set_serial(certificate.get(), serial);
  demand(X509_set_version(certificate.get(), 2) == 1 &&
             ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), "19700101000000Z") ==
                 1 &&
             ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), "99991231235959Z") ==
                 1 &&
             X509_set_subject_name(certificate.get(), subject) == 1 &&
             X509_set_issuer_name(certificate.get(), issuer) == 1 &&
             X509_set_pubkey(certificate.get(), key) == 1,
         "X509_set");
  return certificate;
}

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  demand(length > 0, "BIO_get_mem_data");
  return std::string(data, static_cast<std::size_t>(length));
}

std::string to_pem(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  demand(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
  return bio_text(bio.get());
}

Owned<X509> make_authority(const Ed25519Key& authority) {
  const Owned<EVP_PKEY> key = private_pkey(authority);
  const Owned<X509_NAME> name = authority_name(authority);
  Owned<X509> certificate = blank_certificate("\x01", name.get(), name.get(), key.get());
  X509* self = certificate.get();
  add_extension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(self, self, NID_key_usage, "critical,keyCertSign");
  add_extension(self, self, NID_subject_key_identifier, "hash");
  demand(X509_sign(self, key.get(), nullptr) > 0, "X509_sign");
  return certificate;
}

// Null when it is none.
Owned<X509> read_certificate(const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Owned<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

Ed25519Key authority_key(std::string_view token_secret) {
  return *Ed25519Key::from_seed(hkdf_sha256(token_secret, "klubster", "cluster authority v1", 32));
}

std::string authority_certificate(const Ed25519Key& authority) {
  return to_pem(make_authority(authority).get());
}

std::string issue_certificate(const Ed25519Key& authority, std::string_view public_key,
                              const std::string& name) {
  const Owned<X509> issuer = make_authority(authority);
  const Owned<EVP_PKEY> issuer_key = private_pkey(authority);
  const Owned<EVP_PKEY> key = public_pkey(public_key);
  const Owned<X509_NAME> subject = common_name(name);
  Hasher hasher(HashKind::kSha256);
  hasher.update(name + "\n");
  hasher.update(public_key);
  // 16 bytes with the top bit clear and the next one set: positive and of fixed length.
  std::string serial = hasher.finish().substr(0, 16);
  serial[0] = static_cast<char>((serial[0] & 0x3F) | 0x40);

  const Owned<X509> certificate =
      blank_certificate(serial, subject.get(), X509_get_subject_name(issuer.get()), key.get());
  X509* made = certificate.get();
  add_extension(made, issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made, issuer.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(made, issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(made, issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(made, issuer.get(), NID_authority_key_identifier, "keyid:always");
  add_extension(made, issuer.get(), NID_subject_alt_name, "DNS:" + name);
  demand(X509_sign(made, issuer_key.get(), nullptr) > 0, "X509_sign");
  return to_pem(made);
}

std::string certificate_key(const std::string& pem) {
  const Owned<X509> certificate = read_certificate(pem);
  return certificate_key(certificate.get());
}

std::string certificate_key(const x509_st* certificate) {
  const EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  std::string raw(kEd25519KeyBytes, '\0');
  std::size_t length = raw.size();
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, as_bytes(raw), &length) != 1) {
    ERR_clear_error();
    return "";
  }
  return raw;
}

Result<Ed25519Key> private_key_from_pem(const std::string& pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without a callback a locked key would ask the terminal for its passphrase.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  std::string seed(kEd25519KeyBytes, '\0');
  std::size_t length = seed.size();
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(key.get(), as_bytes(seed), &length) != 1) {
    ERR_clear_error();
    return Error(ErrorKind::kInvalid, "BadKey",
                 "expected an Ed25519 private key in PEM form, found something else")
        .hint("openssl genpkey -algorithm ed25519");
  }
  return Ed25519Key::from_seed(seed);
}

bool is_certificate_for(const std::string& pem, const std::string& name) {
  const Owned<X509> certificate = read_certificate(pem);
  const bool fits = certificate != nullptr &&
                    X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1;
  ERR_clear_error();
  return fits;
}

std::string private_key_pem(const Ed25519Key& key) {
  const Owned<EVP_PKEY> pkey = private_pkey(key);
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  demand(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), pkey.get(), nullptr, nullptr, 0,
                                                         nullptr, nullptr) == 1,
         "PEM_write_bio_PKCS8PrivateKey");
  return bio_text(bio.get());
}

}  // namespace klubster
