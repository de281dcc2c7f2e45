// The verbs of klubster profile: what they write and how they end.
#include "unpack/verbs.h"

#include <fcntl.h>

#include <iostream>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "unpack/judge.h"
#include "unpack/open_package.h"

using namespace klubster;

namespace {

// What went to standard output and standard error while this lives.
class Captured {
 public:
  Captured() : out_(std::cout.rdbuf(out_text_.rdbuf())), err_(std::cerr.rdbuf(err_text_.rdbuf())) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }
  std::string out() const { return out_text_.str(); }
  std::string err() const { return err_text_.str(); }

 private:
  std::stringstream out_text_, err_text_;
  std::streambuf* out_;
  std::streambuf* err_;
};

struct Run {
  int code;
  std::string out, err;
};

Run run(const std::vector<std::string>& arguments) {
  const Captured captured;
  const auto code = run_package_verb(arguments);
  return {code.value_or(-1), captured.out(), captured.err()};
}

struct Source {
  TempDir directory;
  std::string path = directory / "src";

  Source() {
    write_text(path + "/profile.yaml",
               "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
               "metadata: { name: demo, version: 1.0.0 }\n"
               "spec:\n  modes:\n    server:\n      steps:\n"
               "        - { id: one, run: [bin/one] }\n");
    write_text(path + "/profile.env", "NOBODY=$(id)\n");
    write_text(path + "/bin/one", "#!/bin/sh\n");
    std::filesystem::permissions(path + "/bin/one", std::filesystem::perms::owner_all);
  }
};

}  // namespace

TEST_CASE("the same directory packs to the same bytes, whenever and whoever", "[verbs]") {
  const Source source;
  const std::string first = source.directory / "a.tgz", second = source.directory / "b.tgz";
  CHECK(run({"pack", source.path, "-o", first}).code == 0);
  std::filesystem::last_write_time(
      source.path + "/bin/one",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000));
  (void)::chown((source.path + "/bin/one").c_str(), 1234, 1234);  // only root can; fine without
  std::filesystem::permissions(source.path + "/profile.yaml", std::filesystem::perms::owner_read);
  CHECK(run({"pack", source.path, "-o", second}).code == 0);
  CHECK(file_text(first) == file_text(second));
  CHECK(file_text(first).size() > 100);
}

TEST_CASE("what was packed validates and inspects", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run({"pack", source.path, "-o", file}).out == file + "\n");

  const auto valid = run({"validate", file});
  CHECK(valid.code == 0);
  CHECK(valid.out == file + ": demo 1.0.0 is a valid profile\n");
  CHECK(valid.err.find("warning: profile.env:1: NOBODY") != std::string::npos);

  CHECK(run({"inspect", file}).out.find("one: task, runs bin/one") != std::string::npos);
  const auto json = parse_json(run({"inspect", file, "--json"}).out);
  REQUIRE(json);
  CHECK(profile_from_json(json->get("profile")));
  CHECK(json->items("files").size() == 3);
}

TEST_CASE("a package is signed with name, version, seq and cluster", "[verbs]") {
  const Source source;
  const auto pair = Ed25519Key::generate();
  const std::string id = "12345678";
  std::string raw = "Ed" + std::string("\0\0", 2) + "B2" + std::string(48, '\0') + id +
                    pair.seed() + pair.public_key() + std::string(32, 'c');
  const std::string key = source.directory / "key", file = source.directory / "demo.tgz";
  write_text(key, "untrusted comment: key\n" + to_base64(raw) + "\n");
  REQUIRE(run({"pack", source.path, "-o", file, "--sign", key, "--seq", "7", "--cluster", "lab"})
              .code == 0);

  UnpackRequest request;
  request.signature = file_text(file + ".minisig");
  request.keys = {{id, pair.public_key()}};
  request.cluster = "lab";
  const auto blob = open_file(file, O_RDONLY);
  const auto proof = judge_blob(blob->get(), request);
  INFO((proof ? "" : proof.error().message()));
  REQUIRE(proof);
  CHECK(proof->signer->comment.name == "demo");
  CHECK(proof->signer->comment.seq == 7);

  REQUIRE(run({"sign", file, key, "--seq", "8"}).out == file + ".minisig\n");
  request.signature = file_text(file + ".minisig");
  CHECK(judge_blob(blob->get(), request)->signer->comment.seq == 8);
}

TEST_CASE("verify names the reason of a refusal and exits 78", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run({"pack", source.path, "-o", file}).code == 0);

  const auto unpinned = run({"verify", file});
  CHECK(unpinned.code == 78);
  CHECK(unpinned.err.find("refused: Unpinned: no key is trusted") != std::string::npos);
  CHECK(unpinned.err.find("--key PUBFILE") != std::string::npos);
  const auto wrong = run({"verify", file, "--json", "--sha256", std::string(64, 'a')});
  CHECK(wrong.code == 78);
  CHECK(parse_json(wrong.out)->get("failure").text_or("reason") == "DigestMismatch");
  const auto right = run({"verify", file, "--sha256", sha256_hex(file_text(file))});
  CHECK(right.code == 0);
  CHECK(right.out.starts_with("Profile     demo 1.0.0\n"));
  const auto key = run({"verify", file, "--key", "one", "--key", "two"});
  CHECK(key.code == 78);
  CHECK(key.err.find("found `one`") != std::string::npos);
  CHECK(run({"verify", source.directory / "nowhere", "--sha256", std::string(64, 'a')}).code == 1);
}

TEST_CASE("graph and diff take packages and directories alike", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run({"pack", source.path, "-o", file}).code == 0);

  CHECK(run({"graph", file}).out.starts_with("digraph \"demo 1.0.0\" {\n"));
  CHECK(run({"graph", file}).out == run({"graph", source.path}).out);
  CHECK(run({"diff", file, source.path}).out.empty());
  write_text(source.path + "/bin/two", "2");
  const auto differs = run({"diff", file, source.path, "--json"});
  CHECK(differs.code == 0);
  CHECK(parse_json(differs.out)->items("differences").size() == 2);  // and the step's files
  CHECK(run({"diff", file}).code == 64);
  CHECK(run({"graph", file, "--json"}).code == 64);
  CHECK(run({"diff", file, source.directory / "nowhere"}).code == 1);
}

TEST_CASE("exit codes tell a failure from input that must be mended", "[verbs]") {
  const Source source;
  CHECK(run({"validate", source.path}).code == 0);
  CHECK(run({"validate", source.directory / "nowhere"}).code == 1);
  CHECK(run({"validate"}).code == 64);
  CHECK(run({"validate", source.path, "--json"}).code == 64);
  CHECK(run({"pack", source.path, "--seq"}).code == 64);
  CHECK(run({"pack", source.path, "-o", source.path + "/inside.tgz"}).code == 64);
  CHECK(run({"--help"}).code == 0);
  CHECK(run({"--request", "x"}).code == -1);  // not a verb: a worker's call

  write_text(source.directory / "rubbish.tgz", "rubbish");
  CHECK(run({"validate", source.directory / "rubbish.tgz"}).code == 78);
  write_text(source.path + "/profile.yaml", "kind: Profile\n");
  const auto wrong = run({"validate", source.path});
  CHECK(wrong.code == 78);
  CHECK(wrong.err.starts_with("profile.yaml:1:"));
  CHECK(run({"pack", source.path, "-o", source.directory / "never.tgz"}).code == 78);
  CHECK_FALSE(exists(source.directory / "never.tgz"));
}
