// Archives that attack an unpacker, and those that do not.
#include "unpack/extract.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

const TempDir& corpus() {
  static const TempDir directory;
  static const bool made = [] {
    const auto script = std::filesystem::path(__FILE__).parent_path() / "hostile.py";
    const std::string command = "python3 " + script.string() + " " + directory.path();
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    return true;
  }();
  (void)made;
  return directory;
}

struct Staging {
  TempDir parent;
  std::string path = parent / "tree";
  UniqueFd fd;

  Staging() {
    REQUIRE(make_directory(path, 0755));
    fd = std::move(*open_file(path, O_RDONLY | O_DIRECTORY));
  }
};

Result<ExtractedPackage> extract(const Staging& staging, const std::string& name,
                                 const PackageLimits& limits = {}) {
  const auto blob = open_file(corpus() / (name + ".tgz"), O_RDONLY);
  REQUIRE(blob);
  return extract_package(blob->get(), staging.fd.get(), limits);
}

mode_t mode_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("a plain package is unpacked with two modes and no owners", "[unpack]") {
  const Staging staging;
  const auto package = extract(staging, GENERATE("good", "good-gnu"));
  INFO((package ? "" : package.error().message()));
  REQUIRE(package);
  CHECK(package->entries == 6);
  REQUIRE(package->files.size() == 4);
  CHECK(package->files.at("profile.yaml").sha256 == sha256_hex("hi"));
  CHECK_FALSE(package->files.at("profile.yaml").executable);
  CHECK(package->files.at("bin/run").executable);
  CHECK(package->files.count("grün") == 1);
  CHECK(file_text(staging.path + "/bin/run") == "run");
  CHECK(mode_of(staging.path + "/profile.yaml") == 0644);
  CHECK(mode_of(staging.path + "/bin/run") == 0755);
  CHECK(std::filesystem::is_directory(staging.path + "/deep/er"));
}

TEST_CASE("long names that fit are no attack", "[unpack]") {
  const Staging staging;
  CHECK(extract(staging, "good-long"));
}

TEST_CASE("what the policy forbids is refused, and nothing leaves the staging", "[unpack]") {
  const auto* name = GENERATE(
      "symlink", "symlink-inside", "through-symlink", "hardlink", "hardlink-inside", "device",
      "block", "fifo", "dotdot", "dotdot-inside", "absolute", "pax-path", "dot-part", "dash",
      "dash-inside", "control", "newline", "not-utf8", "too-deep", "too-long", "long-part", "twice",
      "directory-twice", "case", "case-directory", "file-as-directory", "directory-as-file",
      "empty-archive", "nothing", "zeros", "zeros-zipped", "twice-zipped", "not-zipped", "cut",
      "rubbish", "zip", "cut-at-member", "short-data");
  INFO(name);
  const Staging staging;
  const auto package = extract(staging, name);
  REQUIRE_FALSE(package);
  INFO(package.error().message());
  CHECK(package.error().reason() == "ArchiveRefused");
  CHECK(package.error().kind() == ErrorKind::kUntrusted);
  CHECK_FALSE(exists(staging.parent / "evil"));
  CHECK_FALSE(exists("/tmp/evil"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(staging.path)) {
    CHECK((entry.is_directory() || entry.is_regular_file()));
    CHECK_FALSE(entry.is_symlink());
  }
}

TEST_CASE("a bomb goes off at the budget, not on the disk", "[unpack]") {
  struct Case {
    const char* name;
    PackageLimits limits;
  };
  PackageLimits few_entries, small_files, small_sum;
  few_entries.entries = 100;
  small_files.file_bytes = 1000;
  small_sum.bytes = 1024 * 1024;
  const auto one =
      GENERATE_COPY(Case{"bomb", {}}, Case{"many", few_entries}, Case{"large-file", small_files},
                    Case{"large-sum", small_sum}, Case{"sparse", {}});
  INFO(one.name);
  const Staging staging;
  const auto package = extract(staging, one.name, one.limits);
  REQUIRE_FALSE(package);
  INFO(package.error().message());
  CHECK((package.error().reason() == "TooLarge" || package.error().reason() == "ArchiveRefused"));
  std::uintmax_t written = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(staging.path)) {
    if (entry.is_regular_file()) written += entry.file_size();
  }
  CHECK(written <= 16 * 1024 * 1024);
}

TEST_CASE("a refusal names the member and says why", "[unpack]") {
  const Staging staging;
  const auto package = extract(staging, "case");
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
  CHECK_FALSE(extract(staging, "good"));
  CHECK_FALSE(exists("/tmp/run"));
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
