// Parsed certificates for libssl.
#include "peer/client_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <new>

#include "peer/certificate.h"

namespace klubster {

namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

BioPtr reader_of(const std::string& text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

int no_passphrase(char*, int, int, void*) {
  return 0;
}

Error refusal(const char* key, std::string message) {
  ERR_clear_error();
  return Error(ErrorKind::kInvalid, "BadCertificate", std::move(message)).in(key);
}

using X509Ptr = std::unique_ptr<X509, FreeTls>;

// All of them, or none where one cannot be read: libcrypto would stop there, GnuTLS refuses.
Result<std::vector<X509Ptr>> read_certificates(const char* key, const std::string& pem) {
  const BioPtr text = reader_of(pem);
  std::vector<X509Ptr> certificates;
  while (X509* next = PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr))
    certificates.emplace_back(next);
  // The end of a text is an error to libcrypto, too.
  const bool has_ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty()) {
    return refusal(key, "expected certificates in PEM form, found something else");
  }
  if (!has_ended) {
    return refusal(key, "expected certificates in PEM form, found a damaged one after " +
                            std::to_string(certificates.size()) + " good");
  }
  return certificates;
}

}  // namespace

Result<std::shared_ptr<const ClientTls>> ClientTls::create(const PeerCredentials& credentials) {
  std::shared_ptr<ClientTls> tls(new ClientTls);
  tls->believed_.reset(X509_STORE_new());
  if (tls->believed_ == nullptr) throw std::bad_alloc();
  // As libcurl does: an authority that is given is believed whoever signed it.
  X509_STORE_set_flags(tls->believed_.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  const auto authorities = read_certificates("peering/ca", credentials.authority_pem);
  if (!authorities) return authorities.error();
  for (const X509Ptr& authority : *authorities) {
    if (X509_STORE_add_cert(tls->believed_.get(), authority.get()) != 1) throw std::bad_alloc();
  }
  auto shown = read_certificates("peering/certificate", credentials.certificate_pem);
  if (!shown) return std::move(shown).error();
  tls->shown_ = *std::move(shown);
  const BioPtr key = reader_of(credentials.key_pem);
  tls->key_.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_passphrase, nullptr));
  if (tls->key_ == nullptr || X509_check_private_key(tls->shown_[0].get(), tls->key_.get()) != 1) {
    return refusal("peering/private-key", "expected the key of peering/certificate, found another");
  }
  ERR_clear_error();  // the end of a text is an error to libcrypto
  return std::shared_ptr<const ClientTls>(std::move(tls));
}

bool ClientTls::use_in(void* ssl_context) const {
  auto* context = static_cast<SSL_CTX*>(ssl_context);
  SSL_CTX_set1_cert_store(context, believed_.get());
  // Peers have the authority themselves: sending it along would cost both ends.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  bool all = SSL_CTX_use_certificate(context, shown_[0].get()) == 1 &&
             SSL_CTX_use_PrivateKey(context, key_.get()) == 1;
  for (std::size_t i = 1; i < shown_.size(); ++i)
    all = all && SSL_CTX_add1_chain_cert(context, shown_[i].get()) == 1;
  return all;
}

std::string ClientTls::peer_key(void* ssl) const {
  return certificate_key(SSL_get0_peer_certificate(static_cast<SSL*>(ssl)));
}

bool ClientTls::is_in_date(void* ssl) const {
  STACK_OF(X509)* const chain = SSL_get0_verified_chain(static_cast<SSL*>(ssl));
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    // Both are 0 for a date that cannot be read.
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0 ||
        X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
      return false;
    }
  }
  return true;
}

}  // namespace klubster
