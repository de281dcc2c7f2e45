// klubster profile verify: the judge's words, for people.
#include "unpack/verify.h"

#include <fcntl.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/unpack/demo_package.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

// A signed package beside its signature, and the signer's public key as a line and as a file.
struct SignedPackage : DemoPackage {
  std::string line = to_base64("Ed" + secret.id + secret.key.public_key());
  std::string pub = directory / "my.pub";
  BlobHashes hashes = hash();

  SignedPackage() {
    write_text(pub, "untrusted comment: minisign public key\n" + line + "\n");
    sign();
  }
  void sign() const { write_text(file + ".minisig", signature()); }
  VerifyQuestion question() const { return {file, "", {pub}, "", std::nullopt}; }
};

std::string refusal(const VerifyQuestion& question) {
  const auto verified = verify_package(question);
  return verified ? "none" : verified.error().reason();
}

}  // namespace

TEST_CASE("verify says who signed what", "[verify]") {
  const SignedPackage scene;
  auto question = scene.question();
  if (GENERATE(true, false)) question.keys = {scene.line};
  const auto verified = verify_package(question);
  INFO((verified ? "" : verified.error().message()));
  REQUIRE(verified);

  const std::string text = describe_verified(*verified);
  CHECK_THAT(text, ContainsSubstring("Profile     demo 1.0.0\n"));
  CHECK_THAT(text, ContainsSubstring("Signed by   " + key_id_text(scene.secret.id) + "\n"));
  CHECK_THAT(text, ContainsSubstring("Seq         5\n"));
  CHECK_THAT(text, ContainsSubstring("Cluster     any\n"));
  CHECK_THAT(text, ContainsSubstring(scene.hashes.sha256_hex));
  const Json json = to_json(*verified);
  CHECK(json.bool_or("ok"));
  CHECK(json.integer_or("bytes") == static_cast<std::int64_t>(scene.hashes.bytes));
  CHECK(json.get("signer").text_or("key") == key_id_text(scene.secret.id));
}

TEST_CASE("a digest alone proves a package, without saying who signed it", "[verify]") {
  const SignedPackage scene;
  auto question = scene.question();
  question.keys.clear();
  question.sha256 = scene.hashes.sha256_hex;
  const auto verified = verify_package(question);
  REQUIRE(verified);
  CHECK_FALSE(verified->proof.signer);
  CHECK(to_json(*verified).get("signer").is_null());
  CHECK_THAT(describe_verified(*verified), ContainsSubstring("no key was given"));
}

TEST_CASE("each refusal is the judge's", "[verify]") {
  SignedPackage scene;
  auto question = scene.question();
  SECTION("nothing to trust") {
    question.keys.clear();
    CHECK(refusal(question) == "Unpinned");
  }
  SECTION("no signature") {
    REQUIRE(remove_file(scene.file + ".minisig"));
    CHECK(refusal(question) == "SignatureMismatch");
    question.signature = scene.directory / "nowhere.minisig";  // named, so it must be there
    CHECK(refusal(question) == "SystemCallFailed");
  }
  SECTION("another key") {
    question.keys = {to_base64("Ed" + std::string(8, 'x') + std::string(32, 'k'))};
    CHECK(refusal(question) == "SignatureMismatch");
  }
  SECTION("another file") {
    write_text(scene.file, file_text(scene.file) + "x");
    CHECK(refusal(question) == "WrongSize");
  }
  SECTION("a changed byte") {
    auto bytes = file_text(scene.file);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_text(scene.file, bytes);
    CHECK(refusal(question) == "DigestMismatch");
  }
  SECTION("another digest was pinned") {
    question.sha256 = std::string(64, 'a');
    CHECK(refusal(question) == "DigestMismatch");
  }
  SECTION("a signature for another version") {
    scene.comment.version = "1.0.1";
    scene.sign();
    CHECK(refusal(question) == "SignatureMismatch");
  }
  SECTION("another cluster") {
    scene.comment.cluster = "lab";
    scene.sign();
    question.cluster = "home";
    CHECK(refusal(question) == "ClusterDiffers");
    question.cluster = "lab";
    CHECK(refusal(question) == "none");
    question.cluster.reset();  // only shown then
    const auto verified = verify_package(question);
    REQUIRE(verified);
    CHECK_THAT(describe_verified(*verified), ContainsSubstring("Cluster     lab\n"));
  }
}

TEST_CASE("what was typed wrong is told as that", "[verify]") {
  const SignedPackage scene;
  auto question = scene.question();
  SECTION("a key that is none") {
    question.keys = {"RWnonsense"};
    CHECK(refusal(question) == "BadKey");
    question.keys = {scene.file};
    CHECK(refusal(question) == "BadKey");
    write_text(scene.pub, "hello\n");
    question.keys = {scene.pub};
    CHECK(refusal(question) == "BadKey");
  }
  SECTION("a digest that is none") {
    question.sha256 = "abc";
    CHECK(refusal(question) == "Usage");
  }
  SECTION("a file that is none") {
    question.file = scene.directory / "nowhere.tgz";
    CHECK(refusal(question) == "SystemCallFailed");
    question.file = scene.directory.path();
    question.signature = scene.file + ".minisig";
    CHECK(refusal(question) == "Usage");
  }
}
