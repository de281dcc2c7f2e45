// What the screen shows above the login prompt, and how often it is drawn.
#include "daemon/console.h"

#include <sys/stat.h>

#include "linux/files.h"
#include "tests/fakes/fake_ports.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

struct Screen {
  TempDir directory;
  std::string issue = directory / "issue", reload = directory / "agetty.reload";
  ManualTimers timers;

  Screen() { write_text(reload, ""); }
  // Whether agetty was asked since the last time that this was asked.
  bool drawn() const {
    struct stat info = {};
    REQUIRE(::stat(reload.c_str(), &info) == 0);
    const timespec long_ago[2] = {{1, 0}, {1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, reload.c_str(), long_ago, 0) == 0);
    return info.st_mtim.tv_sec != 1;
  }
  void pass(std::uint64_t seconds) { timers.now += seconds * 1'000'000; }
};

}  // namespace

TEST_CASE("what agetty would expand is escaped", "[console]") {
  const ScreenText text = escaped_for_agetty({"no \\S\n", "a \\ b\n"});
  CHECK(text.state == "no \\\\S\n");
  CHECK(text.download == "a \\\\ b\n");
}

TEST_CASE("a change is drawn at once, the growth of a download each ten seconds", "[console]") {
  Screen screen;
  Console console(screen.timers, screen.issue, screen.reload);
  (void)screen.drawn();
  console.show({"waits\n", ""});
  CHECK(file_text(screen.issue) == "waits\n");
  CHECK(screen.drawn());
  console.show({"waits\n", ""});
  CHECK_FALSE(screen.drawn());

  screen.pass(2);
  console.show({"waits\n", "1 of 9\n"});
  CHECK(screen.drawn());
  int drawn = 0;
  for (int second = 0; second < 60; ++second) {
    screen.pass(1);
    if (screen.timers.due && *screen.timers.due <= screen.timers.now) screen.timers.fire();
    console.show({"waits\n", std::to_string(second) + " of 99\n"});
    drawn += screen.drawn() ? 1 : 0;
  }
  CHECK(drawn == 6);
  CHECK(file_text(screen.issue) == "waits\n59 of 99\n");
}

TEST_CASE("many changes within two seconds are drawn once, and the last one is seen", "[console]") {
  Screen screen;
  Console console(screen.timers, screen.issue, screen.reload);
  console.show({"0\n", ""});
  (void)screen.drawn();
  for (int i = 1; i < 9; ++i)
    console.show({std::to_string(i) + "\n", i % 2 == 0 ? "some\n" : ""});
  CHECK_FALSE(screen.drawn());
  console.show({"8\n", "more\n"});  // does not put off what is due
  REQUIRE(screen.timers.due);
  CHECK(*screen.timers.due == screen.timers.now + 2'000'000);
  screen.timers.fire();
  CHECK(screen.drawn());
  CHECK(file_text(screen.issue) == "8\nmore\n");
  CHECK_FALSE(screen.timers.due);
}

TEST_CASE("a console that is switched off, or without a daemon, shows nothing", "[console]") {
  Screen screen;
  {
    Console console(screen.timers, screen.issue, screen.reload);
    console.show({"here\n", ""});
    console.show({});
    CHECK_FALSE(exists(screen.issue));
    console.show({"here\n", ""});
    CHECK(exists(screen.issue));
  }
  CHECK_FALSE(exists(screen.issue));
}

TEST_CASE("a console that ends soon after a change asks for no timer", "[console]") {
  Screen screen;
  {
    Console console(screen.timers, screen.issue, screen.reload);
    console.show({"here\n", ""});
    (void)screen.drawn();
  }
  CHECK_FALSE(screen.timers.due);  // the loop is over
  CHECK(screen.drawn());
  CHECK_FALSE(exists(screen.issue));
}

TEST_CASE("where no agetty watches, the text is there for the next prompt", "[console]") {
  Screen screen;
  REQUIRE(remove_file(screen.reload));
  Console console(screen.timers, screen.issue, screen.reload);
  console.show({"here\n", ""});
  CHECK(file_text(screen.issue) == "here\n");
  CHECK_FALSE(exists(screen.reload));
}
