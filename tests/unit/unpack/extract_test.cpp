// What unpacking does beside the verdicts of the corpus, and the list of a package's files.
#include "unpack/extract.h"

#include <fcntl.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/unpack/archive_corpus.h"
#include "tests/unit/unpack/without_openat2.h"

using namespace klubster;

namespace {

struct Staging {
  TempDir parent;
  std::string path = parent / "tree";
  UniqueFd fd;

  Staging() {
    REQUIRE(make_directory(path, 0755));
    fd = std::move(*open_file(path, O_RDONLY | O_DIRECTORY));
  }
};

Result<ExtractedPackage> extract(const Staging& staging, const std::string& name) {
  const auto blob = open_file(archive_corpus() / (name + ".tgz"), O_RDONLY);
  REQUIRE(blob);
  return extract_package(blob->get(), staging.fd.get(), {});
}

}  // namespace

TEST_CASE("a refusal names the member and says why", "[unpack]") {
  const Staging staging;
  const auto package = extract(staging, "case-pair");
  REQUIRE_FALSE(package);
  CHECK(package.error().message() == "makefile: the name differs from Makefile in case only");
}

TEST_CASE("a staging that is not empty is never written over", "[unpack]") {
  const Staging staging;
  write_text(staging.path + "/profile.yaml", "mine");
  CHECK_FALSE(extract(staging, "good"));
  CHECK(file_text(staging.path + "/profile.yaml") == "mine");
}

TEST_CASE("a link planted in the staging is not followed", "[unpack]") {
  const Staging staging;
  std::filesystem::create_directory_symlink("/tmp", staging.path + "/bin");
  with_openat2(GENERATE(true, false), [&] { CHECK_FALSE(extract(staging, "good")); });
  CHECK_FALSE(exists("/tmp/one"));
}

TEST_CASE("the digest of files changes with path, mode and content of what counts", "[unpack]") {
  PackageFiles files;
  files["bin/run"] = {true, 1, sha256_hex("a")};
  files["bin-other"] = {false, 1, sha256_hex("b")};
  files["lib/x"] = {false, 1, sha256_hex("c")};
  const auto base = files_digest(files, {"bin"});

  CHECK(files_digest(files, {"bin", "lib"}) != base);
  auto changed = files;
  SECTION("mode") {
    changed["bin/run"].executable = false;
  }
  SECTION("content") {
    changed["bin/run"].sha256 = sha256_hex("z");
  }
  SECTION("name") {
    changed["bin/runs"] = changed["bin/run"];
    changed.erase("bin/run");
  }
  CHECK(files_digest(changed, {"bin"}) != base);
  files["bin-other"].sha256 = sha256_hex("z");
  CHECK(files_digest(files, {"bin"}) == base);
}

TEST_CASE("a directory of a package is listed without following links", "[unpack]") {
  const TempDir directory;
  write_text(directory / "profile.yaml", "x");
  write_text(directory / "bin/run", "y");
  std::filesystem::permissions(directory / "bin/run", std::filesystem::perms::owner_all);
  auto files = list_package_directory(directory.path(), {});
  REQUIRE(files);
  CHECK(files->size() == 2);
  CHECK(files->at("bin/run").executable);
  CHECK(package_has(*files, "bin"));
  CHECK_FALSE(package_has(*files, "bi"));

  std::filesystem::create_symlink("/etc/passwd", directory / "link");
  files = list_package_directory(directory.path(), {});
  REQUIRE_FALSE(files);
  CHECK(files.error().reason() == "ArchiveRefused");
}
