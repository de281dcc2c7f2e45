// Watching a tree on a real loop: what is told, and how often.
#include "linux/tree_watch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

// The pace of the tests that are not about it.
constexpr TreeWatch::Pace kQuick{50'000, 200'000};
constexpr std::uint64_t kPatienceUsec = 20'000'000;  // on a busy machine

struct Watched {
  explicit Watched(TreeWatch::Pace a_pace = kQuick) : pace(a_pace) {}

  TreeWatch::Pace pace;
  TemporaryDirectory directory;
  EventLoop loop = EventLoop::create().value();
  std::string root = directory.path() + "/etc/tree", file = directory.path() + "/run/facts.json";
  int calls = 0;
  TreeWatch watch{loop, pace, [this] {
                    ++calls;
                    look();
                  }};

  void look() { watch.watch({root}, {file}); }
  // Until `done` says so, or the time is over.
  void wait_for(
      std::uint64_t usec, const std::function<bool()>& done = [] { return false; }) {
    bool is_over = false;
    const EventSource timer = loop.after(usec, [&] { is_over = true; });
    loop.run_until([&] { return is_over || done(); });
  }
  // What is still to come of a change comes within this time.
  void come_to_rest() { wait_for(pace.rest_usec + 100'000); }
  // Whether a change is told; comes to rest in any case.
  bool tells() {
    const int before = calls;
    wait_for(kPatienceUsec, [&] { return calls > before; });
    come_to_rest();
    return calls > before;
  }
  bool is_quiet() {
    const int before = calls;
    come_to_rest();
    return calls == before;
  }
  void put(const std::string& path, const std::string& value = "x") {
    fs::create_directories(fs::path(path).parent_path());
    REQUIRE(write_file(path, value, 0600));
  }
};

}  // namespace

TEST_CASE("each kind of change in a tree is told once", "[watch]") {
  Watched tree;
  tree.put(tree.root + "/node/modes", "server");
  tree.put(tree.directory.path() + "/elsewhere/labels/zone", "a");
  fs::create_directory_symlink(tree.directory.path() + "/elsewhere/labels",
                               tree.root + "/node/labels");
  tree.look();
  CHECK(tree.is_quiet());  // reading and watching are no changes

  const std::string modes = tree.root + "/node/modes";
  SECTION("written in place") {
    const auto fd = open_file(modes, O_WRONLY | O_TRUNC);
    REQUIRE(write_all(fd->get(), "agent"));
  }
  SECTION("replaced") {
    tree.put(modes, "agent");
  }
  SECTION("removed") {
    fs::remove(modes);
  }
  SECTION("made readable") {
    REQUIRE(::chmod(modes.c_str(), 0400) == 0);
  }
  SECTION("behind a link to a directory") {
    tree.put(tree.directory.path() + "/elsewhere/labels/zone", "b");
  }
  SECTION("the root was exchanged") {
    tree.put(tree.directory.path() + "/etc/next/node/modes", "agent");
    fs::rename(tree.root, tree.directory.path() + "/etc/old");
    fs::rename(tree.directory.path() + "/etc/next", tree.root);
  }
  CHECK(tree.tells());
  CHECK(tree.calls == 1);
  tree.put(modes, "stack");
  CHECK(tree.tells());  // what is there now is watched, too
}

TEST_CASE("a root that was not there is noticed when it comes, and when it goes", "[watch]") {
  Watched tree;
  tree.look();
  tree.put(tree.directory.path() + "/other/file");
  CHECK(tree.is_quiet());  // not on the way to the root
  tree.put(tree.root + "/node/modes");
  CHECK(tree.tells());
  tree.put(tree.root + "/node/environment");
  CHECK(tree.tells());
  fs::remove_all(tree.directory.path() + "/etc");
  CHECK(tree.tells());
  tree.put(tree.root + "/node/modes");
  CHECK(tree.tells());
}

TEST_CASE("a root that is a link may be linked to another tree", "[watch]") {
  Watched tree;
  tree.put(tree.directory.path() + "/store/1/node/modes");
  tree.put(tree.directory.path() + "/store/2/node/modes");
  fs::create_directories(tree.directory.path() + "/etc");
  fs::create_directory_symlink(tree.directory.path() + "/store/1", tree.root);
  tree.look();
  fs::create_directory_symlink(tree.directory.path() + "/store/2", tree.root + ".new");
  fs::rename(tree.root + ".new", tree.root);
  CHECK(tree.tells());
  tree.put(tree.directory.path() + "/store/2/node/modes", "y");
  CHECK(tree.tells());
  tree.put(tree.directory.path() + "/store/1/node/modes", "y");
  CHECK(tree.is_quiet());
}

TEST_CASE("a single file is told by its name, its neighbours are not", "[watch]") {
  Watched tree;
  tree.look();
  tree.put(tree.file);
  CHECK(tree.tells());
  tree.put(tree.directory.path() + "/run/other.json");
  CHECK(tree.is_quiet());
  tree.put(tree.file, "y");
  CHECK(tree.tells());
  fs::remove(tree.file);
  CHECK(tree.tells());
}

TEST_CASE("a loop of links ends", "[watch]") {
  Watched tree;
  tree.put(tree.root + "/node/modes");
  fs::create_directory_symlink(tree.root, tree.root + "/node/labels");
  tree.look();
  tree.put(tree.root + "/node/modes", "y");
  CHECK(tree.tells());
}

TEST_CASE("a thousand edits in a second are told at most three times, and not too late",
          "[watch]") {
  Watched tree(TreeWatch::Pace{});
  tree.put(tree.root + "/inputs/N");
  tree.look();
  const std::uint64_t begin = now_boottime_usec();
  std::uint64_t edits = 0;
  std::uint64_t took = 0;
  EventSource editor;
  editor = tree.loop.after(1, [&] {
    took = now_boottime_usec() - begin;
    const std::uint64_t due = std::min<std::uint64_t>(took / 1000, 1000);
    while (edits < due)
      tree.put(tree.root + "/inputs/N", std::to_string(++edits));
    if (edits < 1000) editor.rearm(1000);
  });
  tree.wait_for(kPatienceUsec, [&] { return edits == 1000; });
  REQUIRE(edits == 1000);
  CHECK(tree.tells());
  // A busy machine may need more than the second: one more for each that it took longer.
  CHECK(static_cast<std::uint64_t>(tree.calls) <= 2 + took / 1'000'000);
}
