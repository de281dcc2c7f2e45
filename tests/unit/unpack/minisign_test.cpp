// minisign's format, both ways, against the minisign program where there is one.
#include "unpack/minisign.h"

#include "base/digest.h"
#include "base/text.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

MinisignSecretKey new_key() {
  return {random_bytes(8), Ed25519Key::generate()};
}

MinisignPublicKey public_half(const MinisignSecretKey& secret) {
  return {secret.id, secret.key.public_key()};
}

std::string blake2b(const std::string& bytes) {
  Hasher hasher(HashKind::kBlake2b512);
  hasher.update(bytes);
  return hasher.finish();
}

bool have_minisign() {
  return std::system("command -v minisign >/dev/null 2>&1") == 0;
}

int run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str());
}

const char* const kComment =
    "name=etcd version=1 seq=7 size=4 "
    "sha256=88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";

Result<MinisignPublicKey> verify(const MinisignSignature& signature,
                                 const std::vector<MinisignPublicKey>& keys,
                                 const std::string& hash) {
  auto key = verify_comment(signature, keys);
  if (!key) return key;
  if (auto same = verify_hash(signature, *key, hash); !same) return same.error();
  return key;
}

}  // namespace

TEST_CASE("what is signed verifies, and nothing else does", "[minisign]") {
  const auto secret = new_key();
  const auto other = new_key();
  const auto text = sign_hash(secret, blake2b("abcd"), kComment);
  const auto signature = parse_signature(text);
  REQUIRE(signature);
  CHECK(signature->trusted_comment == kComment);

  CHECK(verify(*signature, {public_half(other), public_half(secret)}, blake2b("abcd")));

  const auto message = [](const auto& result) { return result.error().message(); };
  const auto unknown = verify(*signature, {public_half(other)}, blake2b("abcd"));
  REQUIRE_FALSE(unknown);
  CHECK(message(unknown).find("signed by the key " + key_id_text(secret.id)) != std::string::npos);
  const auto tampered = verify(*signature, {public_half(secret)}, blake2b("abce"));
  REQUIRE_FALSE(tampered);
  CHECK(message(tampered).find("the file is not the one") != std::string::npos);
  auto changed = *signature;
  changed.trusted_comment += " ";
  const auto comment = verify(changed, {public_half(secret)}, blake2b("abcd"));
  REQUIRE_FALSE(comment);
  CHECK(message(comment).find("the signature's text is not the one") != std::string::npos);
  CHECK(comment.error().reason() == "SignatureMismatch");
}

TEST_CASE("a key id that is right with a key that is not verifies nothing", "[minisign]") {
  const auto secret = new_key();
  auto impostor = new_key();
  impostor.id = secret.id;
  const auto signature = parse_signature(sign_hash(impostor, blake2b("abcd"), kComment));
  CHECK_FALSE(verify(*signature, {public_half(secret)}, blake2b("abcd")));
}

TEST_CASE("a signature that is cut, legacy or malformed is its own refusal", "[minisign]") {
  const std::string text = sign_hash(new_key(), blake2b("abcd"), kComment);
  auto lines = split(text, '\n');
  SECTION("cut") {
    CHECK_FALSE(parse_signature(text.substr(0, text.size() / 2)));
  }
  SECTION("empty") {
    CHECK_FALSE(parse_signature(""));
  }
  SECTION("a web page") {
    CHECK_FALSE(parse_signature("<html>\n<body>\nhello\n</html>\n"));
  }
  SECTION("a fifth line") {
    CHECK_FALSE(parse_signature(text + "more\n"));
  }
  SECTION("loose base64") {
    lines[1].back() = 'B';
    CHECK_FALSE(parse_signature(join(lines, "\n")));
  }
  SECTION("legacy") {
    auto raw = *from_base64(lines[1]);
    raw[1] = 'd';
    lines[1] = to_base64(raw);
    const auto parsed = parse_signature(join(lines, "\n"));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message().find("legacy") != std::string::npos);
  }
}

TEST_CASE("a trusted comment says everything once", "[minisign]") {
  const auto comment = parse_trusted_comment(std::string(kComment) + " cluster=lab later=1");
  REQUIRE(comment);
  CHECK(comment->name == "etcd");
  CHECK(comment->seq == 7);
  CHECK(comment->size == 4);
  CHECK(comment->cluster == "lab");
  CHECK(to_text(*comment) == std::string(kComment) + " cluster=lab");

  const auto* wrong = GENERATE(
      "", "timestamp:1700000000 file:x", "name=a version=1 seq=1 size=4",
      "name=a version=1 seq=-1 size=4 sha256=aa", "name=a version=1 seq=01 size=4 sha256=aa",
      "name=a name=b version=1 seq=1 size=4 "
      "sha256=88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589");
  INFO(wrong);
  CHECK_FALSE(parse_trusted_comment(wrong));
}

TEST_CASE("a public key is one line, or a file with its comment", "[minisign]") {
  const std::string line = to_base64("Ed" + std::string(8, 'i') + std::string(32, 'k'));
  CHECK(parse_public_key(line));
  CHECK(parse_public_key("untrusted comment: minisign public key\n" + line + "\n"));
  CHECK_FALSE(parse_public_key("RWnonsense"));
  CHECK_FALSE(parse_public_key(""));
  CHECK_FALSE(parse_public_key(to_base64("XX" + std::string(40, 'k'))));
}

TEST_CASE("a key's id is shown as minisign shows it", "[minisign]") {
  CHECK(key_id_text(std::string("\xea\x08\x60\x02\x6d\xb9\x94\x7f")) == "7F94B96D026008EA");
  CHECK(key_id_text(std::string("\xea\x08\x60\x02\x6d\xb9\x94\x0f")) == "F94B96D026008EA");
  CHECK(key_id_text(std::string(8, '\0')) == "0");
}

TEST_CASE("minisign verifies what klubster signs, and the other way round", "[minisign]") {
  if (!have_minisign()) {
    WARN("skipped: the program minisign is not installed");
    return;
  }
  const TempDir directory;
  const std::string key = directory / "key", pub = directory / "key.pub", file = directory / "file";
  REQUIRE(run("minisign -G -W -f -s " + key + " -p " + pub) == 0);
  write_text(file, "abcd");
  const auto secret = parse_secret_key(file_text(key));
  REQUIRE(secret);
  const auto known = parse_public_key(file_text(pub));
  REQUIRE(known);
  CHECK(known->key == secret->key.public_key());
  CHECK(file_text(pub).find(key_id_text(secret->id)) != std::string::npos);

  write_text(file + ".minisig", sign_hash(*secret, blake2b("abcd"), kComment));
  CHECK(run("minisign -V -p " + pub + " -m " + file) == 0);
  write_text(file, "abce");
  CHECK(run("minisign -V -p " + pub + " -m " + file) != 0);

  REQUIRE(run("minisign -S -s " + key + " -m " + file + " -t '" + kComment + "'") == 0);
  const auto theirs = parse_signature(file_text(file + ".minisig"));
  REQUIRE(theirs);
  CHECK(theirs->trusted_comment == kComment);
  CHECK(verify(*theirs, {*known}, blake2b("abce")));

  REQUIRE(run("minisign -S -l -s " + key + " -m " + file) == 0);
  CHECK_FALSE(parse_signature(file_text(file + ".minisig")));
}

TEST_CASE("klubster signs with a key that minisign gave a passphrase", "[minisign]") {
  if (!have_minisign()) {
    WARN("skipped: the program minisign is not installed");
    return;
  }
  const TempDir directory;
  const std::string key = directory / "key", pub = directory / "key.pub", file = directory / "file";
  const std::string phrase =
      "tr\xc3\xbc"
      "b, 'quoted' and long";
  write_text(directory / "twice", phrase + "\n" + phrase + "\n");
  REQUIRE(run("minisign -G -f -s " + key + " -p " + pub + " <" + (directory / "twice")) == 0);
  REQUIRE(has_passphrase(file_text(key)));
  const auto secret = parse_secret_key(file_text(key), phrase);
  INFO((secret ? "" : secret.error().message()));
  REQUIRE(secret);
  CHECK(secret->key.public_key() == parse_public_key(file_text(pub))->key);

  write_text(file, "abcd");
  write_text(file + ".minisig", sign_hash(*secret, blake2b("abcd"), kComment));
  CHECK(run("minisign -V -p " + pub + " -m " + file) == 0);
}

TEST_CASE("a wrong passphrase and a damaged file are told, not used", "[minisign]") {
  // As minisign writes it, but for a cost that a test can pay: 2^10 by 8.
  const auto pair = Ed25519Key::generate();
  const std::string id = "12345678", salt(32, 's');
  const std::string limits(
      "\0\x80\0\0\0\0\0\0"
      "\0\0\0\1\0\0\0\0",
      16);
  std::string hidden = id + pair.seed() + pair.public_key() + std::string(32, 'c');
  const auto stream = scrypt("open sesame", salt, {10, 8, 1}, hidden.size());
  REQUIRE(stream);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    hidden[i] = static_cast<char>(hidden[i] ^ (*stream)[i]);
  const std::string key = "EdScB2" + salt + limits + hidden;

  const auto secret = parse_secret_key(to_base64(key), "open sesame");
  REQUIRE(secret);
  CHECK(secret->id == id);
  CHECK(secret->key.seed() == pair.seed());
  for (const auto* wrong : {"", "open sesam", "open sesame\n"}) {
    const auto refused = parse_secret_key(to_base64(key), wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message().find("passphrase is wrong") != std::string::npos);
  }
  auto damaged = key;  // the two limits: work without end, and memory too
  damaged.replace(38, 8, 8, '\x7f');
  if (GENERATE(false, true)) damaged.replace(46, 8, 8, '\x7f');
  const auto refused = parse_secret_key(to_base64(damaged), "open sesame");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason() == "BadKey");
}

TEST_CASE("a damaged or unknown secret key says so", "[minisign]") {
  std::string raw = "Ed" + std::string("\0\0", 2) + "B2" + std::string(48, '\0') +
                    std::string(8, 'i') + std::string(64, 's') + std::string(32, 'c');
  CHECK_FALSE(has_passphrase(to_base64(raw)));
  const auto damaged = parse_secret_key(to_base64(raw));
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().message().find("damaged") != std::string::npos);
  raw.replace(2, 2, "Xy");
  const auto unknown = parse_secret_key(to_base64(raw));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message().find("does not know") != std::string::npos);
  CHECK_FALSE(parse_secret_key("nothing"));
  CHECK_FALSE(has_passphrase("nothing"));
}
