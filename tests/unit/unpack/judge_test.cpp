// The judge of packages: every wrong package has its own refusal.
#include "unpack/judge.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/unpack/demo_package.h"
#include "unpack/worker_call.h"

using namespace klubster;

namespace {

// What klubsterd would ask about it.
struct Scene : DemoPackage {
  UnpackRequest request;
  std::string staging = directory / "staging";

  Scene() {
    request.keys = {{secret.id, secret.key.public_key()}};
    REQUIRE(make_directory(staging, 0755));
    sign();
  }
  void sign() { request.signature = signature(); }
  std::string refusal() const {
    const Json result = judge_and_unpack(open().get(), staging, request);
    INFO(result.dump());
    return result.bool_or("ok") ? "none" : result.get("failure").text_or("reason");
  }
};

}  // namespace

TEST_CASE("a signed package is unpacked and its manifest handed on", "[judge]") {
  Scene scene;
  const Json result = judge_and_unpack(scene.open().get(), scene.staging, scene.request);
  INFO(result.dump());
  REQUIRE(result.bool_or("ok"));
  CHECK(result.text_or("sha256") == scene.comment.sha256);
  CHECK(result.get("signer").text_or("key") == key_id_text(scene.secret.id));
  CHECK(result.get("signer").integer_or("seq") == 5);
  CHECK(profile_from_json(result.get("profile")));
  CHECK(file_text(scene.staging + "/bin/one") == "#!/bin/sh\n");
}

TEST_CASE("a pinned digest stands for a signature, and both must hold together", "[judge]") {
  Scene scene;
  scene.request.sha256 = scene.comment.sha256;
  SECTION("both") {
    CHECK(scene.refusal() == "none");
  }
  SECTION("digest alone") {
    scene.request.keys.clear();
    scene.request.signature.reset();
    CHECK(scene.refusal() == "none");
  }
  SECTION("another digest") {
    scene.request.sha256 = std::string(64, '0');
    CHECK(scene.refusal() == "DigestMismatch");
  }
  SECTION("digest right, signature wrong") {
    scene.secret = {scene.secret.id, Ed25519Key::generate()};
    scene.sign();
    CHECK(scene.refusal() == "SignatureMismatch");
  }
}

TEST_CASE("every wrong package is its own refusal, and nothing of it is unpacked", "[judge]") {
  Scene scene;
  std::string expected;
  SECTION("nothing to prove it by") {
    scene.request.keys.clear();
    expected = "Unpinned";
  }
  SECTION("no signature") {
    scene.request.signature.reset();
    expected = "SignatureMismatch";
  }
  SECTION("unknown key") {
    scene.request.keys[0].id = std::string(8, 'x');
    expected = "SignatureMismatch";
  }
  SECTION("cut") {
    std::filesystem::resize_file(scene.file, scene.comment.size - 1);
    expected = "WrongSize";
  }
  SECTION("one byte changed") {
    auto bytes = file_text(scene.file);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_text(scene.file, bytes);
    expected = "DigestMismatch";
  }
  SECTION("the comment lies about the size") {
    scene.comment.size += 1;
    scene.sign();
    expected = "WrongSize";
  }
  SECTION("the comment lies about the digest") {
    scene.comment.sha256 = std::string(64, 'a');
    scene.sign();
    expected = "DigestMismatch";
  }
  SECTION("another cluster") {
    scene.comment.cluster = "prod";
    scene.request.cluster = "lab";
    scene.sign();
    expected = "ClusterDiffers";
  }
  SECTION("a cluster's package on a node of none") {
    scene.comment.cluster = "prod";
    scene.sign();
    expected = "ClusterDiffers";
  }
  SECTION("older than one accepted before") {
    scene.request.min_seq[key_id_text(scene.secret.id)] = 6;
    expected = "SignatureStale";
  }
  CHECK(scene.refusal() == expected);
  CHECK(std::filesystem::is_empty(scene.staging));
}

TEST_CASE("a signature for another profile does not fit", "[judge]") {
  Scene scene;
  SECTION("name") {
    scene.comment.name = "other";
  }
  SECTION("version") {
    scene.comment.version = "0.9.0";
  }
  scene.sign();
  CHECK(scene.refusal() == "SignatureMismatch");
}

TEST_CASE("the ratchet is kept per key and lets the same seq pass", "[judge]") {
  Scene scene;
  scene.request.min_seq["0000000000000000"] = 99;
  scene.request.min_seq[key_id_text(scene.secret.id)] = 5;
  CHECK(scene.refusal() == "none");
}

TEST_CASE("only a damaged download is tried again", "[judge]") {
  Scene scene;
  const auto retry = [&] {
    return judge_and_unpack(scene.open().get(), scene.staging, scene.request)
        .get("failure")
        .bool_or("retry");
  };
  scene.request.min_seq[key_id_text(scene.secret.id)] = 6;
  CHECK_FALSE(retry());
  std::filesystem::resize_file(scene.file, 10);
  CHECK(retry());
}

TEST_CASE("a package is hashed for its signature only when there is one", "[judge]") {
  const Scene scene;
  const auto signed_too = scene.hash();
  const auto digest = hash_blob(scene.open().get(), HashesFor::kDigest);
  REQUIRE(digest);
  CHECK(digest->sha256_hex == signed_too.sha256_hex);
  CHECK(digest->bytes == signed_too.bytes);
  CHECK(digest->blake2b512.empty());
  CHECK(signed_too.blake2b512.size() == 64);
}

TEST_CASE("a package beyond 4 GiB is hashed to its end", "[.slow][judge]") {
  const TempDir directory;
  const auto fd = open_file(directory / "large", O_RDWR | O_CREAT, 0600);
  REQUIRE(fd);
  const auto bytes = GENERATE((1ULL << 31) + 1, (1ULL << 32) + 1);
  REQUIRE(::ftruncate(fd->get(), static_cast<off_t>(bytes)) == 0);
  const auto hashes = hash_blob(fd->get(), HashesFor::kSignature);
  REQUIRE(hashes);
  CHECK(hashes->bytes == bytes);
}

TEST_CASE("an unpack request is read strictly", "[judge]") {
  const auto read = [](const char* text) {
    return unpack_request_from_json(*parse_json(text)).has_value();
  };
  CHECK(read(R"({"v":1})"));
  CHECK(read(R"({"v":1,"minSeq":{"AA":3},"limits":{"entries":5},"cluster":"lab"})"));
  CHECK_FALSE(read(R"({"v":2})"));
  CHECK_FALSE(read(R"({"v":1,"keys":["RWnonsense"]})"));
  CHECK_FALSE(read(R"({"v":1,"sha256":"abc"})"));
  CHECK_FALSE(read(R"({"v":1,"minSeq":{"AA":-3}})"));
  CHECK_FALSE(read(R"({"v":1,"limits":{"ratio":0}})"));
  CHECK_FALSE(read(R"({"v":1,"surprise":true})"));
}
