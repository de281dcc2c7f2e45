// A file that follows the status.
#include "daemon/kept_file.h"

#include <sys/stat.h>

#include <optional>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

ino_t inode_of(const std::string& path) {
  struct stat info = {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_ino;
}

}  // namespace

TEST_CASE("a kept file is replaced on change only, and goes with its keeper", "[kept-file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/metrics.prom";
  {
    KeptFile file(path, "the metrics file");
    file.show("one\n");
    const ino_t first = inode_of(path);
    file.show("one\n");
    CHECK(inode_of(path) == first);
    file.show("two\n");
    CHECK(inode_of(path) != first);
    CHECK(read_file(path, 100).value() == "two\n");
    file.show("");
    CHECK_FALSE(exists(path));
    file.show("three\n");
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("a kept file that cannot be written is tried again", "[kept-file]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/later/motd";
  KeptFile file(path, "the message of the day");
  file.show("one\n");
  CHECK_FALSE(exists(path));
  REQUIRE(make_directory(directory.path() + "/later", 0755));
  file.show("one\n");
  CHECK(exists(path));
}
