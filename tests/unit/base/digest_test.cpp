// Hashes and text forms against published vectors.
#include "base/digest.h"

#include "base/ed25519.h"
#include "base/text.h"
#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("SHA-256 and BLAKE2b-512 of \"abc\" (FIPS 180-4, RFC 7693)", "[digest]") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Hasher blake(HashKind::kBlake2b512);
  blake.update("a");
  blake.update("bc");
  CHECK(to_hex(blake.finish()).substr(0, 32) == "ba80a53f981c4d0d6a2797b69f12f6e9");
}

TEST_CASE("HKDF-SHA-256, test case 1 of RFC 5869", "[digest]") {
  const std::string key = *from_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  const std::string okm = hkdf_sha256(key, *from_hex("000102030405060708090a0b0c"),
                                      *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42);
  CHECK(to_hex(okm) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST_CASE("base64 is strict", "[digest]") {
  CHECK(*from_base64("") == "");
  CHECK(*from_base64("Zm9vYg==") == "foob");
  CHECK(to_base64("foob") == "Zm9vYg==");
  const std::string text =
      GENERATE(as<std::string>{}, "Zm9vYg=", "Zm9vYg", "Zm9v Yg==", "Zm9vYh==", "Zm=vYg==", "====");
  CHECK_FALSE(from_base64(text).has_value());
}

TEST_CASE("Ed25519, test 1 of RFC 8032", "[ed25519]") {
  const auto key = Ed25519Key::from_seed(
      *from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  REQUIRE(key.has_value());
  CHECK(to_hex(key->public_key()) ==
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const std::string signature = key->sign("");
  CHECK(to_hex(signature).substr(0, 16) == "e5564300c360ac72");
  CHECK(ed25519_verify(key->public_key(), "", signature));
  CHECK_FALSE(ed25519_verify(key->public_key(), "x", signature));
  CHECK_FALSE(ed25519_verify(key->public_key(), "", signature.substr(1)));
}

TEST_CASE("durations and sizes are read exactly", "[text]") {
  CHECK(parse_duration_usec("1h30m") == 5'400'000'000);
  CHECK(parse_duration_usec("250ms") == 250'000);
  CHECK(duration_text(5'400'000'000) == "1h30m");
  CHECK(parse_size("512M") == 512ULL << 20);
  for (const char* bad : {"", "5", "m", "1x", "-1s", "1.5s", "99999999999d"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration_usec(bad));
  }
  for (const char* bad : {"", "M", "1T", "-1", "01"}) {
    INFO(bad);
    CHECK_FALSE(parse_size(bad));
  }
}

TEST_CASE("text for a terminal holds nothing that disturbs one", "[text]") {
  CHECK(printable("a\x1b[31mb\n") == "a\\x1b[31mb\\x0a");
  CHECK(printable("\xff") == "\\xff");
  CHECK(printable("é") == "é");
  CHECK(printable(std::string(300, 'x'), 10) == "xxxxxxxxxx…");
}

TEST_CASE("a misspelt word finds its neighbour, a strange one none", "[text]") {
  const std::vector<std::string> keys = {"node/modes", "node/name", "profile/url"};
  CHECK(nearest("node/mode", keys) == "node/modes");
  CHECK_FALSE(nearest("zzzzzzzzzzzz", keys));
}

TEST_CASE("scrypt gives what RFC 7914 section 12 says", "[digest]") {
  const auto derived = scrypt("password", "NaCl", {10, 8, 16}, 64);
  REQUIRE(derived);
  CHECK(to_hex(*derived) ==
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}
