// What this node shows and believes where it calls, parsed once: libcurl would parse it again for
// each of hundreds of calls, which costs more than their cryptography.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"
#include "peer/credentials.h"

namespace klubster {

struct FreeTls {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

class ClientTls final : public HttpTls {
 public:
  // kInvalid, reason "BadCertificate": not PEM, a damaged certificate, or a key of
  // another one.
  static Result<std::shared_ptr<const ClientTls>> create(const PeerCredentials& credentials);

  bool use_in(void* ssl_context) const override;
  // Raw Ed25519; empty when the peer's key is of another kind.
  std::string peer_key(void* ssl) const override;
  bool is_in_date(void* ssl) const override;

 private:
  ClientTls() = default;

  std::unique_ptr<X509_STORE, FreeTls> believed_;
  std::vector<std::unique_ptr<X509, FreeTls>>
      shown_;  // the node's own, then what leads to its issuer
  std::unique_ptr<EVP_PKEY, FreeTls> key_;
};

}  // namespace klubster
