// What identifies a boot, inside and outside of a sandbox.
#include "linux/machine.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// A credentials directory for the time of one test.
class Credentials {
 public:
  explicit Credentials(const std::string& boot) {
    char path[] = "/tmp/klubster-machine-XXXXXX";
    directory_ = ::mkdtemp(path);
    std::ofstream(directory_ / "boot-id") << boot;
    ::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  }
  ~Credentials() {
    ::unsetenv("CREDENTIALS_DIRECTORY");
    std::filesystem::remove_all(directory_);
  }
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

 private:
  std::filesystem::path directory_;
};

}  // namespace

TEST_CASE("the boot ID that the unit hands in is the one that counts", "[machine]") {
  const Credentials credentials("dd9b46c5-5a15-41bc-aa26-8ac92d582ee2\n");
  CHECK(boot_id().value() == "dd9b46c55a1541bcaa268ac92d582ee2");
}

TEST_CASE("without a usable credential the kernel is asked", "[machine]") {
  const std::string kernel = boot_id().value();
  CHECK(kernel.size() == 32);

  const Credentials credentials("nonsense");
  CHECK(boot_id().value() == kernel);
}
