// The verbs of klubster profile: what they write and how they end.
#include "unpack/verbs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/unpack/verb_run.h"
#include "unpack/judge.h"
#include "unpack/open_package.h"

using namespace klubster;

namespace {

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
  CHECK(run_verb({"pack", source.path, "-o", first}).code == 0);
  std::filesystem::last_write_time(
      source.path + "/bin/one",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000));
  (void)::chown((source.path + "/bin/one").c_str(), 1234, 1234);  // only root can; fine without
  std::filesystem::permissions(source.path + "/profile.yaml", std::filesystem::perms::owner_read);
  CHECK(run_verb({"pack", source.path, "-o", second}).code == 0);
  CHECK(file_text(first) == file_text(second));
  CHECK(file_text(first).size() > 100);
}

TEST_CASE("the same files pack to the same bytes on another machine", "[verbs]") {
  // Names that locales put into another order than their bytes, and directories that list them in
  // the order in which they were made.
  std::vector<std::string> names = {"share/B", "share/a", "share/_c", "share/a.d/x", "bin/Zero"};
  const auto pack_with = [&names](mode_t mask, const char* locale, const char* zone) {
    const mode_t before = ::umask(mask);
    const Source source;
    for (const auto& name : names) {
      const std::filesystem::path path = source.path + "/" + name;
      std::filesystem::create_directories(path.parent_path());
      write_text(path, name + "\n");
      ::chmod(path.c_str(), name.starts_with("bin/") ? 0777 & ~mask : 0666 & ~mask);
    }
    const std::string locale_before = std::setlocale(LC_ALL, nullptr);
    CHECK(std::setlocale(LC_ALL, locale) != nullptr);
    ::setenv("TZ", zone, 1);
    const std::string file = source.directory / "demo.tgz";
    const auto packed = run_verb({"pack", source.path, "-o", file});
    ::unsetenv("TZ");
    std::setlocale(LC_ALL, locale_before.c_str());
    ::umask(before);
    CHECK(packed.code == 0);
    return file_text(file);
  };
  const std::string first = pack_with(022, "C", "UTC");
  std::reverse(names.begin(), names.end());
  CHECK(pack_with(077, "C.UTF-8", "Pacific/Auckland") == first);
  CHECK(pack_with(002, "C.UTF-8", "UTC") == first);
  CHECK(first.size() > 100);
}

TEST_CASE("what was packed validates and inspects", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run_verb({"pack", source.path, "-o", file}).out == file + "\n");

  const auto valid = run_verb({"validate", file});
  CHECK(valid.code == 0);
  CHECK(valid.out == file + ": demo 1.0.0 is a valid profile\n");
  CHECK(valid.err.find("warning: profile.env:1: NOBODY") != std::string::npos);

  CHECK(run_verb({"inspect", file}).out.find("one: task, runs bin/one") != std::string::npos);
  const auto json = parse_json(run_verb({"inspect", file, "--json"}).out);
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
  REQUIRE(
      run_verb({"pack", source.path, "-o", file, "--sign", key, "--seq", "7", "--cluster", "lab"})
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

  REQUIRE(run_verb({"sign", file, key, "--seq", "8"}).out == file + ".minisig\n");
  write_text(key + ".pub", to_base64("Ed" + id + pair.public_key()) + "\n");
  CHECK(run_verb({"sign", file, key + ".pub"}).err.find("  take the file that minisign -G -s") !=
        std::string::npos);
  request.signature = file_text(file + ".minisig");
  CHECK(judge_blob(blob->get(), request)->signer->comment.seq == 8);
}

TEST_CASE("verify names the reason of a refusal and exits 78", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run_verb({"pack", source.path, "-o", file}).code == 0);

  const auto unpinned = run_verb({"verify", file});
  CHECK(unpinned.code == 78);
  CHECK(unpinned.err.find("refused: Unpinned: no key is trusted") != std::string::npos);
  CHECK(unpinned.err.find("--key PUBFILE") != std::string::npos);
  const auto wrong = run_verb({"verify", file, "--json", "--sha256", std::string(64, 'a')});
  CHECK(wrong.code == 78);
  CHECK(parse_json(wrong.out)->get("failure").text_or("reason") == "DigestMismatch");
  const auto right = run_verb({"verify", file, "--sha256", sha256_hex(file_text(file))});
  CHECK(right.code == 0);
  CHECK(right.out.starts_with("Profile     demo 1.0.0\n"));
  const auto key = run_verb({"verify", file, "--key", "one", "--key", "two"});
  CHECK(key.code == 78);
  CHECK(key.err.find("found `one`") != std::string::npos);
  const std::string sha256 = sha256_hex(file_text(file));
  const auto within = [&](const std::string& limit) {
    return run_verb({"verify", file, "--sha256", sha256, "--limit", limit});
  };
  CHECK(within("entries=4").code == 0);
  CHECK(within("entries=2").err.find("TooLarge") != std::string::npos);
  CHECK(within("bytes=10").code == 78);
  CHECK(within("file-bytes=1K").code == 0);
  CHECK(within("file-bytes=10").code == 78);
  for (const char* given : {"entries", "entries=", "entries=0", "entries=x", "=5", "depth=3"})
    CHECK(within(given).code == 64);
  CHECK(within("depth=3").err.find("  klubster profile verify FILE [--signature FILE]") !=
        std::string::npos);

  CHECK(run_verb({"verify", source.directory / "nowhere", "--sha256", std::string(64, 'a')}).code ==
        1);
}

TEST_CASE("graph and diff take packages and directories alike", "[verbs]") {
  const Source source;
  const std::string file = source.directory / "demo.tgz";
  REQUIRE(run_verb({"pack", source.path, "-o", file}).code == 0);

  CHECK(run_verb({"graph", file}).out.starts_with("digraph \"demo 1.0.0\" {\n"));
  CHECK(run_verb({"graph", file}).out == run_verb({"graph", source.path}).out);
  CHECK(run_verb({"diff", file, source.path}).out.empty());
  write_text(source.path + "/bin/two", "2");
  const auto differs = run_verb({"diff", file, source.path, "--json"});
  CHECK(differs.code == 0);
  CHECK(parse_json(differs.out)->items("differences").size() == 2);  // and the step's files
  CHECK(run_verb({"diff", file}).code == 64);
  CHECK(run_verb({"graph", file, "--json"}).code == 64);
  CHECK(run_verb({"diff", file, source.directory / "nowhere"}).code == 1);
}

TEST_CASE("exit codes tell a failure from input that must be mended", "[verbs]") {
  const Source source;
  CHECK(run_verb({"validate", source.path}).code == 0);
  CHECK(run_verb({"validate", source.directory / "nowhere"}).code == 1);
  CHECK(run_verb({"validate"}).code == 64);
  CHECK(run_verb({"validate", source.path, "--json"}).code == 64);
  CHECK(run_verb({"pack", source.path, "--seq"}).code == 64);
  CHECK(run_verb({"pack", source.path, "-o", source.path + "/inside.tgz"}).code == 64);
  CHECK(run_verb({"--help"}).code == 0);
  CHECK(run_verb({"--request", "x"}).code == -1);  // not a verb: a worker's call

  write_text(source.directory / "rubbish.tgz", "rubbish");
  CHECK(run_verb({"validate", source.directory / "rubbish.tgz"}).code == 78);
  write_text(source.path + "/profile.yaml", "kind: Profile\n");
  const auto wrong = run_verb({"validate", source.path});
  CHECK(wrong.code == 78);
  CHECK(wrong.err.starts_with("profile.yaml:1:"));
  CHECK(wrong.err.ends_with("  mend them and validate again\n"));
  CHECK(run_verb({"pack", source.path, "-o", source.directory / "never.tgz"}).code == 78);
  CHECK_FALSE(exists(source.directory / "never.tgz"));
}
