// What is told of a refused medium.
#include "daemon/media_news.h"

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

TEST_CASE("a medium is a problem while its import is refused", "[media]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/media.json";
  const auto news = [&](const std::string& text) {
    REQUIRE(write_file(path, text, 0600));
    return refused_medium(path);
  };
  CHECK_FALSE(refused_medium(path));
  CHECK_FALSE(news(R"({"v":1,"uuid":"A-1","device":"/dev/sdb","at":"","ok":true})"));
  const auto refused =
      news(R"({"v":1,"uuid":"A-1","device":"/dev/sdb","at":"","ok":false,)"
           R"("reason":"ConfigInvalid","message":"key profil: unknown\u001b[2J"})");
  REQUIRE(refused);
  CHECK(refused->reason() == "ConfigInvalid");
  CHECK(refused->message().starts_with("importing the medium /dev/sdb: key profil: unknown"));
  CHECK(refused->message().find('\x1b') == std::string::npos);
  CHECK(news("{").value().reason() == "BadJson");
}
