// Judging a caller's certificate by GnuTLS.
#include "peer/server_tls.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/digest.h"
#include "base/ed25519.h"
#include "base/text.h"
#include "linux/event_loop.h"
#include "model/node_record.h"

namespace klubster {

namespace {

constexpr std::size_t kMaxKnown = 512;

struct FreeGnutls {
  void operator()(gnutls_x509_crt_t certificate) const { gnutls_x509_crt_deinit(certificate); }
  void operator()(gnutls_pubkey_t key) const { gnutls_pubkey_deinit(key); }
};
using CertificatePtr = std::unique_ptr<gnutls_x509_crt_int, FreeGnutls>;
using PublicKeyPtr = std::unique_ptr<gnutls_pubkey_st, FreeGnutls>;

Error not_admitted(const char* reason, std::string message) {
  return Error(ErrorKind::kUntrusted, reason, std::move(message));
}

CertificatePtr parse_certificate(const gnutls_datum_t& der) {
  gnutls_x509_crt_t raw = nullptr;
  if (gnutls_x509_crt_init(&raw) != GNUTLS_E_SUCCESS) throw std::bad_alloc();
  CertificatePtr certificate(raw);
  if (gnutls_x509_crt_import(raw, &der, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS) return nullptr;
  return certificate;
}

std::string common_name(gnutls_x509_crt_t certificate) {
  char text[128];
  std::size_t length = sizeof text;
  const int code =
      gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &length);
  return code == GNUTLS_E_SUCCESS ? std::string(text, length) : "";
}

std::string ed25519_key(gnutls_x509_crt_t certificate) {
  gnutls_pubkey_t raw = nullptr;
  if (gnutls_pubkey_init(&raw) != GNUTLS_E_SUCCESS) throw std::bad_alloc();
  const PublicKeyPtr key(raw);
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
  gnutls_datum_t x = {};
  if (gnutls_pubkey_import_x509(raw, certificate, 0) != GNUTLS_E_SUCCESS ||
      gnutls_pubkey_export_ecc_raw2(raw, &curve, &x, nullptr, 0) != GNUTLS_E_SUCCESS) {
    return "";
  }
  std::string bytes(reinterpret_cast<const char*>(x.data), x.size);
  gnutls_free(x.data);
  return curve == GNUTLS_ECC_CURVE_ED25519 && bytes.size() == kEd25519KeyBytes ? bytes : "";
}

std::string what_is_wrong(unsigned int status) {
  if ((status & GNUTLS_CERT_EXPIRED) != 0) return "has expired (or this node's clock is ahead)";
  if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0) {
    return "is not valid yet (or this node's clock is behind)";
  }
  if ((status & GNUTLS_CERT_REVOKED) != 0) return "was revoked";
  return "is not valid for a peer";
}

// What `all` and the certificate's dates have in common.
ValidDates within(const ValidDates& all, gnutls_x509_crt_t certificate) {
  return {std::max<std::int64_t>(all.from, gnutls_x509_crt_get_activation_time(certificate)),
          std::min<std::int64_t>(all.until, gnutls_x509_crt_get_expiration_time(certificate))};
}

// When all that the caller showed is valid, and the authorities that issued it. One that cannot be
// read is valid at no time.
ValidDates dates_of(gnutls_session_t session, const gnutls_datum_t* chain, unsigned int count) {
  void* credentials = nullptr;
  if (gnutls_credentials_get(session, GNUTLS_CRD_CERTIFICATE, &credentials) != GNUTLS_E_SUCCESS) {
    return {};
  }
  ValidDates dates = {std::numeric_limits<std::int64_t>::min(),
                      std::numeric_limits<std::int64_t>::max()};
  for (unsigned int i = 0; i < count; ++i) {
    const CertificatePtr certificate = parse_certificate(chain[i]);
    if (certificate == nullptr) return {};
    dates = within(dates, certificate.get());
    gnutls_x509_crt_t issuer = nullptr;  // stays the credentials'
    if (gnutls_certificate_get_issuer(static_cast<gnutls_certificate_credentials_t>(credentials),
                                      certificate.get(), &issuer, 0) == GNUTLS_E_SUCCESS) {
      dates = within(dates, issuer);
    }
  }
  return dates;
}

// Whether the certificate leads to an authority that is believed, for a client, at this time.
Status judge(gnutls_session_t session, const std::string& name) {
  gnutls_typed_vdata_st purpose = {};
  purpose.type = GNUTLS_DT_KEY_PURPOSE_OID;
  std::string oid = GNUTLS_KP_TLS_WWW_CLIENT;
  purpose.data = reinterpret_cast<unsigned char*>(oid.data());
  unsigned int status = 0;
  const int code = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
  if (code == GNUTLS_E_SUCCESS && status == 0) return {};
  const bool other_authority =
      (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE)) != 0;
  return other_authority
             ? not_admitted("PeerTokenDiffers", "the certificate of `" + printable(name, 64) +
                                                    "` was made with another cluster's token")
             : not_admitted("PeerCertificate", "the certificate of `" + printable(name, 64) + "` " +
                                                   what_is_wrong(status));
}

}  // namespace

Result<Caller> CallerCheck::identify(gnutls_session_t session, const std::string& address) {
  unsigned int count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) {
    return not_admitted("PeerCertificate", "the caller showed no certificate");
  }
  Hasher hasher(HashKind::kSha256);
  hasher.update({reinterpret_cast<const char*>(chain[0].data), chain[0].size});
  const std::string digest = hasher.finish();
  const auto now = static_cast<std::int64_t>(now_wall_usec() / 1'000'000);
  if (const auto found = known_.find(digest); found != known_.end()) {
    const Known& known = found->second;
    if (now >= known.dates.from && now <= known.dates.until) {
      return Caller{address, known.name, known.key};
    }
    known_.erase(found);
  }
  const CertificatePtr certificate = parse_certificate(chain[0]);
  const std::string name = certificate == nullptr ? "" : common_name(certificate.get());
  if (Status judged = judge(session, name); !judged) return std::move(judged).error();
  if (!is_node_name(name) || gnutls_x509_crt_check_hostname(certificate.get(), name.c_str()) == 0) {
    return not_admitted("PeerCertificate", "the certificate is not for a node's name");
  }
  std::string key = ed25519_key(certificate.get());
  if (key.empty())
    return not_admitted("PeerCertificate", "the key of `" + name + "` is not Ed25519");
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[digest] = {name, key, dates_of(session, chain, count)};
  return Caller{address, name, std::move(key)};
}

}  // namespace klubster
