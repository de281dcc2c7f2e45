// What systemd-boot leaves in EFI variables.
#include "linux/boot_loader.h"

#include <fstream>

#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

struct EfiVariables {
  TemporaryDirectory directory;

  void set(const std::string& name, const std::string& ascii) const {
    std::ofstream file(directory.path() + "/" + name + "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
    file << std::string("\6\0\0\0", 4);  // attributes
    for (const char c : ascii + std::string(1, '\0'))
      file << c << '\0';
  }
  LoaderVerdict verdict() const { return loader_verdict_in(directory.path()); }
};

}  // namespace

TEST_CASE("without systemd-boot nothing is known of the image", "[boot-loader]") {
  const EfiVariables variables;
  CHECK(variables.verdict() == LoaderVerdict::kUnknown);
  CHECK(loader_verdict_in("/nonexistent") == LoaderVerdict::kUnknown);
}

TEST_CASE("an entry without a counter is good", "[boot-loader]") {
  const EfiVariables variables;
  variables.set("LoaderInfo", "systemd-boot 252");
  CHECK(variables.verdict() == LoaderVerdict::kGood);
}

TEST_CASE("a counted entry is on trial until its tries are used up", "[boot-loader]") {
  const EfiVariables variables;
  variables.set("LoaderInfo", "systemd-boot 252");
  variables.set("LoaderBootCountPath", "\\loader\\entries\\image+2-1.conf");
  CHECK(variables.verdict() == LoaderVerdict::kCounting);
  variables.set("LoaderBootCountPath", "\\loader\\entries\\image+0-3.conf");
  CHECK(variables.verdict() == LoaderVerdict::kExhausted);
}

TEST_CASE("a counter that cannot be read still counts", "[boot-loader]") {
  const EfiVariables variables;
  variables.set("LoaderInfo", "systemd-boot 252");
  variables.set("LoaderBootCountPath", "");
  CHECK(variables.verdict() == LoaderVerdict::kCounting);
}
