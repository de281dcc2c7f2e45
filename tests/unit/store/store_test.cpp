// Sealing and collecting, on real directories. Needs root, as the program does.
#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

namespace fs = std::filesystem;

const std::string kDigest(64, 'a');
const std::string kOther(64, 'b');
constexpr uid_t kWorkerUser = 61184;  // of systemd's range for DynamicUser=

// A state directory with one staging as the unpack worker leaves it.
struct Store {
  TempDir directory;
  std::string tree = directory / "staging/one/tree";

  Store() {
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
  Result<StoreReport> collect(std::vector<std::string> keep) const {
    StoreRequest request;
    request.kind = StoreRequest::Kind::kCollect;
    request.keep = std::move(keep);
    return klubster::collect(directory.path(), request);
  }
};

struct stat status_of(const std::string& path) {
  struct stat status = {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

// Says so and returns true where the test cannot run.
bool skipped() {
  if (::geteuid() == 0) return false;
  WARN("skipped: needs root to change owners");
  return true;
}

}  // namespace

TEST_CASE("a staged tree becomes root's, with two modes, under its digest", "[store]") {
  if (skipped()) return;
  const Store store;
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
  const Store store;
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
  const Store store;
  const std::string file = store.tree + "/profile.yaml";
  if (::setxattr(file.c_str(), "user.note", "x", 1, 0) != 0) {
    WARN("skipped: no user attributes on this file system");
    return;
  }
  REQUIRE(store.seal());
  CHECK(::getxattr(store.sealed("/profile.yaml").c_str(), "user.note", nullptr, 0) < 0);
}

TEST_CASE("sealing twice is sealing once", "[store]") {
  if (skipped()) return;
  const Store store;
  REQUIRE(store.seal());
  write_text(store.tree + "/other", "a second unpacking of the same package");
  CHECK(store.seal());
  CHECK_FALSE(fs::exists(store.sealed("/other")));
  CHECK_FALSE(fs::exists(store.directory / "staging/one"));
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

TEST_CASE("what is not kept is collected, whatever its modes and depth", "[store]") {
  if (skipped()) return;
  const Store store;
  REQUIRE(store.seal());
  write_text(store.directory / ("profiles/" + kOther + "/file"), "12345");
  write_text(store.directory / ("blobs/" + kDigest), "kept");
  write_text(store.directory / "blobs/abc.part", "gone");
  std::string deep = store.directory / "staging/deep";
  for (int i = 0; i < 300; ++i)
    deep += "/d";
  fs::create_directories(deep);
  write_text(store.directory / "staging/locked/inner/file", "x");
  REQUIRE(::chmod((store.directory / "staging/locked/inner").c_str(), 0) == 0);
  REQUIRE(::chmod((store.directory / "staging/locked").c_str(), 0) == 0);
  const TempDir outside;
  write_text(outside / "precious", "keep me");
  fs::create_directory_symlink(outside.path(), store.directory / "staging/link");

  const auto report = store.collect({kDigest});

  INFO((report ? "" : report.error().message()));
  REQUIRE(report);
  CHECK(report->files == 4);
  CHECK(fs::exists(store.sealed("/bin/run")));
  CHECK_FALSE(fs::exists(store.directory / ("profiles/" + kOther)));
  CHECK(fs::exists(store.directory / ("blobs/" + kDigest)));
  CHECK_FALSE(fs::exists(store.directory / "blobs/abc.part"));
  CHECK(fs::is_empty(store.directory / "staging"));
  CHECK(file_text(outside / "precious") == "keep me");
}

TEST_CASE("an empty store is collected without a word", "[store]") {
  const TempDir directory;
  StoreRequest request;
  request.kind = StoreRequest::Kind::kCollect;
  CHECK(collect(directory.path(), request));
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
  CHECK(read(R"({"v":1,"op":"collect","keep":[]})"));
  CHECK_FALSE(read(R"({"v":1,"op":"collect"})"));
  CHECK_FALSE(read(R"({"v":1,"op":"collect","keep":["x"]})"));
  CHECK_FALSE(read(R"({"v":1,"op":"burn"})"));
}
