// Hashes and the text forms of bytes, against the vectors of their standards.
#include "base/digest.h"

#include "base/ed25519.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

std::string bytes_of(std::string_view hex) {
  return from_hex(hex).value();
}

}  // namespace

TEST_CASE("hashes agree with the vectors of FIPS 180-4 and RFC 7693", "[digest]") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

  Hasher blake(HashKind::kBlake2b512);
  blake.update("a");
  blake.update("bc");
  CHECK(to_hex(blake.finish()) ==
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST_CASE("HKDF agrees with the first vector of RFC 5869", "[digest]") {
  const std::string secret(22, '\x0b');
  CHECK(to_hex(hkdf_sha256(secret, bytes_of("000102030405060708090a0b0c"),
                           bytes_of("f0f1f2f3f4f5f6f7f8f9"), 42)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST_CASE("Ed25519 agrees with the first vector of RFC 8032", "[digest]") {
  const auto key = Ed25519Key::from_seed(
      bytes_of("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  REQUIRE(key.has_value());
  const std::string signature = key->sign("");

  CHECK(to_hex(key->public_key()) ==
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CHECK(to_hex(signature) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  CHECK(ed25519_verify(key->public_key(), "", signature));
}

TEST_CASE("a signature of anything else is refused, and no length makes it fall over", "[digest]") {
  const auto key = Ed25519Key::generate();
  std::string signature = key.sign("message");

  CHECK_FALSE(ed25519_verify(key.public_key(), "messagf", signature));
  CHECK_FALSE(ed25519_verify(Ed25519Key::generate().public_key(), "message", signature));
  CHECK_FALSE(ed25519_verify(key.public_key(), "message", signature.substr(1)));
  CHECK_FALSE(ed25519_verify(key.public_key(), "message", ""));
  CHECK_FALSE(ed25519_verify("short", "message", signature));
  signature[10] = static_cast<char>(signature[10] ^ 1);
  CHECK_FALSE(ed25519_verify(key.public_key(), "message", signature));
  CHECK_FALSE(Ed25519Key::from_seed("short").has_value());
}

TEST_CASE("base64 is read strictly and written with padding", "[digest]") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  CHECK(from_base64("Zm8=").value() == "fo");

  const std::string bad = GENERATE(as<std::string>(), "Zg", "Zg=", "Zh==", "Zg==\n",
                                   " Zg==", "Zg==Zg==", "Z===", "-_8=", "=");
  INFO(bad);
  CHECK_FALSE(from_base64(bad).has_value());
}

TEST_CASE("hex is lower-case and even", "[digest]") {
  CHECK(from_hex("00ff").value() == std::string("\0\xff", 2));
  CHECK_FALSE(from_hex("0").has_value());
  CHECK_FALSE(from_hex("FF").has_value());
  CHECK_FALSE(from_hex("0g").has_value());
  CHECK(is_sha256_hex(sha256_hex("x")));
  CHECK_FALSE(is_sha256_hex(std::string(64, 'A')));
  CHECK_FALSE(is_sha256_hex(std::string(63, 'a')));
}
