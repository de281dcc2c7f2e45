// Sealing, on real directories. Needs root, as the program does.
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/store/ownership.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

// A state directory with one staging as the unpack worker leaves it.
struct StagedStore {
  TempDir directory;
  std::string tree = directory / "staging/one/tree";

  StagedStore() {
    for (const char* part : {"profiles", "blobs"})
      fs::create_directories(directory / part);
    write_text(tree + "/profile.yaml", "manifest");
    write_text(tree + "/bin/run", "program");
    fs::create_directories(tree + "/empty");
    for (const char* name : {"", "/profile.yaml", "/bin", "/bin/run", "/empty"}) {
      REQUIRE(::chown((tree + name).c_str(), kWorkerUser, kWorkerUser) == 0);
    }
    REQUIRE(::chmod((tree + "/profile.yaml").c_str(), 0666) == 0);
    REQUIRE(::chmod((tree + "/bin/run").c_str(), 04711) == 0);
    REQUIRE(::chmod((tree + "/bin").c_str(), 0) == 0);
  }
  std::string sealed(const std::string& name = "") const {
    return directory / ("profiles/" + kDigest + name);
  }
  Result<StoreReport> seal() const {
    StoreRequest request;
    request.staging = "one";
    request.sha256 = kDigest;
    return klubster::seal(directory.path(), request);
  }
};

}  // namespace

TEST_CASE("a staged tree becomes root's, with two modes, under its digest", "[store]") {
  if (skipped()) return;
  const StagedStore store;
  const auto report = store.seal();
  INFO((report ? "" : report.error().message()));
  REQUIRE(report);
  CHECK(report->files == 2);
  CHECK(report->bytes == 15);
  CHECK(file_text(store.sealed("/bin/run")) == "program");
  CHECK(fs::is_directory(store.sealed("/empty")));
  CHECK_FALSE(fs::exists(store.directory / "staging/one"));
  const auto expect = [&](const std::string& name, mode_t mode) {
    const auto status = status_of(store.sealed(name));
    CHECK(status.st_uid == 0);
    CHECK(status.st_gid == 0);
    CHECK((status.st_mode & 07777) == mode);
  };
  expect("", 0755);
  expect("/profile.yaml", 0644);
  expect("/bin", 0755);
  expect("/bin/run", 0755);
}

TEST_CASE("anything but files and directories is refused, and the staging removed", "[store]") {
  if (skipped()) return;
  const StagedStore store;
  const TempDir outside;
  write_text(outside / "precious", "keep me");
  REQUIRE(::chown((outside / "precious").c_str(), 12345, 12345) == 0);
  SECTION("a link to a file") {
    fs::create_symlink(outside / "precious", store.tree + "/x");
  }
  SECTION("a link to a directory") {
    fs::create_directory_symlink(outside.path(), store.tree + "/x");
  }
  SECTION("a second name of a file outside") {
    fs::create_hard_link(outside / "precious", store.tree + "/x");
  }
  SECTION("a FIFO") {
    REQUIRE(::mkfifo((store.tree + "/x").c_str(), 0600) == 0);
  }
  SECTION("a tree without end") {
    std::string path = store.tree;
    for (int i = 0; i < 60; ++i)
      path += "/d";
    fs::create_directories(path);
  }
  SECTION("the tree itself is a link") {
    fs::remove_all(store.tree);
    fs::create_directory_symlink(outside.path(), store.tree);
  }
  const auto report = store.seal();
  REQUIRE_FALSE(report);
  INFO(report.error().message());
  CHECK_FALSE(fs::exists(store.sealed()));
  CHECK_FALSE(fs::exists(store.directory / "staging/one"));
  CHECK(file_text(outside / "precious") == "keep me");
  CHECK(status_of(outside / "precious").st_uid == 12345);
}

TEST_CASE("access control lists and attributes do not survive sealing", "[store]") {
  if (skipped()) return;
  const StagedStore store;
  const std::string file = store.tree + "/profile.yaml";
  if (::setxattr(file.c_str(), "user.note", "x", 1, 0) != 0) {
    WARN("skipped: no user attributes on this file system");
    return;
  }
  REQUIRE(store.seal());
  CHECK(::getxattr(store.sealed("/profile.yaml").c_str(), "user.note", nullptr, 0) < 0);
}

TEST_CASE("a staging that is not there is an error, and nothing is made of it", "[store]") {
  const TempDir directory;
  fs::create_directories(directory / "staging");
  StoreRequest request;
  request.staging = "one";
  request.sha256 = kDigest;
  CHECK_FALSE(seal(directory.path(), request));
  CHECK_FALSE(fs::exists(directory / ("profiles/" + kDigest)));
}

TEST_CASE("a sealed profile that is whole stays, a damaged one is exchanged", "[store]") {
  if (skipped()) return;
  const StagedStore store;
  REQUIRE(store.seal());
  const auto inode = status_of(store.sealed()).st_ino;
  bool exchanged = true;
  SECTION("whole: sealing twice is sealing once") {
    exchanged = false;
  }
  SECTION("with another mode") {
    REQUIRE(::chmod(store.sealed("/bin").c_str(), 0700) == 0);
    exchanged = false;  // it is set right
  }
  SECTION("with a changed file") {
    write_text(store.sealed("/bin/run"), "progrAm");
  }
  SECTION("without a file") {
    fs::remove(store.sealed("/bin/run"));
  }
  SECTION("with a file too many") {
    write_text(store.sealed("/bin/other"), "x");
  }
  SECTION("with a link") {
    fs::create_symlink("run", store.sealed("/bin/link"));
  }
  SECTION("a file in its place") {
    fs::remove_all(store.sealed());
    write_text(store.sealed(), "file");
  }
  fs::create_directories(store.tree + "/bin");
  fs::create_directories(store.tree + "/empty");
  write_text(store.tree + "/profile.yaml", "manifest");
  write_text(store.tree + "/bin/run", "program");
  REQUIRE(::chmod((store.tree + "/bin/run").c_str(), 0755) == 0);
  const auto report = store.seal();
  INFO((report ? "" : report.error().message()));
  REQUIRE(report);
  CHECK(file_text(store.sealed("/bin/run")) == "program");
  CHECK_FALSE(fs::exists(store.sealed("/bin/other")));
  CHECK_FALSE(fs::exists(store.sealed("/bin/link")));
  CHECK((status_of(store.sealed("/bin")).st_mode & 07777) == 0755);
  CHECK((status_of(store.sealed()).st_ino != inode) == exchanged);
  CHECK_FALSE(fs::exists(store.directory / "staging/one"));
}

TEST_CASE("a store request names nothing outside of the store", "[store]") {
  const auto read = [](const std::string& text) {
    return store_request_from_json(*parse_json(text)).has_value();
  };
  const std::string seal = R"({"v":1,"op":"seal","sha256":")" + kDigest + R"(","staging":")";
  CHECK(read(seal + "one\"}"));
  CHECK_FALSE(read(seal + "../one\"}"));
  CHECK_FALSE(read(seal + "..\"}"));
  CHECK_FALSE(read(seal + "\"}"));
  CHECK_FALSE(read(seal + "a/b\"}"));
  CHECK_FALSE(read(R"({"v":1,"op":"seal","staging":"one","sha256":"../x"})"));
  const auto collect = [&](const std::string& profiles, const std::string& others) {
    return read(R"({"v":1,"op":"collect","dryRun":false,"profiles":[)" + profiles +
                R"(],"stagings":[],"downloads":[],"results":[],"generations":[)" + others + "]}");
  };
  CHECK(collect("", ""));
  CHECK(collect("\"" + kDigest + "\"", "\"12\""));
  CHECK_FALSE(collect("\"x\"", ""));
  CHECK_FALSE(collect("", "\"../1\""));
  CHECK_FALSE(read(R"({"v":1,"op":"collect","dryRun":false})"));
  CHECK_FALSE(read(
      R"({"v":1,"op":"collect","dryRun":true,"profiles":[],"stagings":[".."],"downloads":[],"results":[],"generations":[]})"));
  CHECK_FALSE(read(R"({"v":1,"op":"burn"})"));
}
