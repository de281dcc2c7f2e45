// The authority that a token makes, and the identity that survives restarts.
#include "peer/identity.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <memory>

#include "linux/files.h"
#include "model/node_record.h"
#include "peer/certificate.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

std::unique_ptr<X509, FreeX509> parse(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::unique_ptr<X509, FreeX509> certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  REQUIRE(certificate != nullptr);
  return certificate;
}

// X509_V_OK or another code of OpenSSL; `at` is the clock, 0 for now.
int verify(const std::string& authority_pem, const std::string& pem, time_t at = 0) {
  const auto authority = parse(authority_pem);
  const auto certificate = parse(pem);
  const std::unique_ptr<X509_STORE, FreeX509> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority.get());
  const std::unique_ptr<X509_STORE_CTX, FreeX509> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  if (at != 0) X509_STORE_CTX_set_time(context.get(), 0, at);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

const std::string kSecret(32, 's');

}  // namespace

TEST_CASE("every node derives the same authority from one token", "[certificate]") {
  const std::string one = authority_certificate(authority_key(kSecret));
  const std::string two = authority_certificate(authority_key(kSecret));
  const std::string other = authority_certificate(authority_key(std::string(32, 't')));

  CHECK(one == two);
  CHECK(one != other);
}

TEST_CASE("a certificate is for its node's name and verifies at any clock", "[certificate]") {
  const Ed25519Key authority = authority_key(kSecret);
  const std::string pem = issue_certificate(authority, Ed25519Key::generate().public_key(), "n1");
  const time_t at = GENERATE(time_t{1}, time_t{157'766'400}, time_t{1'800'000'000},
                             time_t{5'680'281'600}, time_t{250'000'000'000});

  CHECK(verify(authority_certificate(authority), pem, at) == X509_V_OK);
  const auto certificate = parse(pem);
  CHECK(X509_check_host(certificate.get(), "n1", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(certificate.get(), "n2", 0, 0, nullptr) == 0);
}

TEST_CASE("a certificate of another token does not verify", "[certificate]") {
  const Ed25519Key other = authority_key(std::string(32, 't'));
  const std::string pem = issue_certificate(other, Ed25519Key::generate().public_key(), "n1");

  CHECK(verify(authority_certificate(authority_key(kSecret)), pem) != X509_V_OK);
}

TEST_CASE("a node's certificate cannot issue another", "[certificate]") {
  const Ed25519Key authority = authority_key(kSecret);
  const Ed25519Key node = Ed25519Key::generate();
  const std::string own = issue_certificate(authority, node.public_key(), "n1");
  const std::string forged = issue_certificate(node, Ed25519Key::generate().public_key(), "n2");

  CHECK(verify(own, forged) != X509_V_OK);
}

TEST_CASE("the key stays and the incarnation rises with each start", "[identity]") {
  const TemporaryDirectory dir;
  Result<Identity> first = Identity::load(dir.path());
  REQUIRE(first);
  REQUIRE(first->raise_incarnation(0));

  Result<Identity> second = Identity::load(dir.path());
  REQUIRE(second);
  REQUIRE(second->raise_incarnation(0));

  CHECK(first->key().public_key() == second->key().public_key());
  CHECK(first->incarnation() == 1);
  CHECK(second->incarnation() == 2);
  struct stat info {};
  REQUIRE(stat((dir.path() + "/identity.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("an incarnation that a peer remembers is passed, not repeated", "[identity]") {
  const TemporaryDirectory dir;
  Result<Identity> identity = Identity::load(dir.path());
  REQUIRE(identity);

  REQUIRE(identity->raise_incarnation(57));
  CHECK(identity->incarnation() == 58);
  CHECK_FALSE(identity->raise_incarnation(UINT64_MAX));
  CHECK(identity->incarnation() == 58);
}

TEST_CASE("nothing that peers say keeps a node from starting again", "[identity]") {
  const TemporaryDirectory dir;
  const auto told =
      GENERATE(as<std::uint64_t>{}, kMaxIncarnation, kMaxIncarnation - 1, kMaxIncarnation / 2);
  Result<Identity> identity = Identity::load(dir.path());
  REQUIRE(identity);
  REQUIRE(identity->raise_incarnation(0));
  (void)identity->raise_incarnation(told);

  Result<Identity> next = Identity::load(dir.path());
  REQUIRE(next);
  CHECK(next->raise_incarnation(0));
  CHECK(next->incarnation() > identity->incarnation());
}

TEST_CASE("a damaged identity is set aside, not silently lost", "[identity]") {
  const TemporaryDirectory dir;
  REQUIRE(write_file(dir.path() + "/identity.key", "garbage", 0600));
  REQUIRE(write_file(dir.path() + "/incarnation", "many", 0600));

  const Result<Identity> identity = Identity::load(dir.path());

  REQUIRE(identity);
  CHECK(identity->incarnation() == 0);
  CHECK(exists(dir.path() + "/identity.key.damaged"));
  CHECK(exists(dir.path() + "/incarnation.damaged"));
}
