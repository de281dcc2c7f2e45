// Somebody who calls a node of a small cluster without being one.
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "peer/certificate.h"
#include "peer/client_tls.h"
#include "tests/unit/peer/small_cluster.h"

namespace klubster {

// Somebody with a token of his own choice who calls n1.
struct Stranger {
  Ed25519Key key = Ed25519Key::generate();
  std::string name;
  std::string certificate, authority;

  Stranger(std::string its_name, char token) : name(std::move(its_name)) {
    const Ed25519Key issuer = authority_key(std::string(32, token));
    certificate = issue_certificate(issuer, key.public_key(), name);
    authority = authority_certificate(authority_key(std::string(32, 't')));
  }

  HttpRequest request(const SmallCluster& cluster, const std::string& method,
                      const std::string& path, std::string body = "") const {
    HttpRequest request;
    request.method = method;
    request.url = "https://n1:9446" + path;
    request.connect_to = "n1:9446:" + cluster.members[0].address;
    request.tls = *ClientTls::create({authority, certificate, private_key_pem(key)});
    request.body = std::move(body);
    request.require_tls13 = true;
    return request;
  }

  HttpRequest anonymous_request(const SmallCluster& cluster, const std::string& path) const {
    HttpRequest anonymous = request(cluster, "GET", path);
    anonymous.tls = nullptr;
    anonymous.ca_pem = authority;
    return anonymous;
  }

  NodeRecord record() const {
    NodeRecord record;
    record.cluster_name = "lab";
    record.node = name;
    record.machine = "machine-" + name;
    record.version = {1, 1};
    sign_record(record, key);
    return record;
  }
};

inline HttpOutcome call(SmallCluster& cluster, HttpRequest request) {
  Result<HttpClient> client = HttpClient::create(cluster.loop);
  REQUIRE(client);
  std::optional<HttpOutcome> answer;
  const HttpTransfer transfer =
      client->start(std::move(request), [&](HttpOutcome outcome) { answer = std::move(outcome); });
  cluster.wait_until([&] { return answer.has_value(); });
  return *answer;
}

// Status, and the reason that the body gives.
inline std::pair<int, std::string> verdict(const HttpOutcome& outcome) {
  const Result<Json> json = parse_json(outcome.response.body);
  return {outcome.response.status, json ? json->text_or("reason") : ""};
}

using Verdict = std::pair<int, std::string>;

// A blocking socket to n1, from `source` on loopback; reading gives up after five seconds.
inline UniqueFd dial(const SmallCluster& cluster, const char* source = "127.0.0.1") {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, source, &address.sin_addr);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  address.sin_port = htons(parse_host_port(cluster.members[0].address)->port);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const timeval patience = {5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

// The same certificate, but of other days.
inline std::string dated(const std::string& pem, const Ed25519Key& issuer, const char* from,
                         const char* until) {
  BIO* const in = BIO_new_mem_buf(pem.data(), -1);
  X509* const certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  EVP_PKEY* const key = EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(issuer.seed().data()),
      issuer.seed().size());
  ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), from);
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), until);
  X509_sign(certificate, key, nullptr);
  BIO* const out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  char* data = nullptr;
  const long length = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(length));
  BIO_free(out);
  EVP_PKEY_free(key);
  X509_free(certificate);
  BIO_free(in);
  return text;
}

}  // namespace klubster
