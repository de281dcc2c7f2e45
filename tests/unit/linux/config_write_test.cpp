// Changes of a tree: all or none, for readers, after failures and after a power cut.
#include "linux/config_write.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "linux/config_tree.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// What the calls below note down, and which of them shall fail.
struct Calls {
  std::vector<std::string> log;  // "fsync PATH", "exchange", "rename"
  int fail_at = -1;              // index of the call that fails as on a full disk
  bool watched = false;
};
Calls calls;

bool shall_fail(std::string what) {
  if (!calls.watched) return false;
  calls.log.push_back(std::move(what));
  if (calls.fail_at != static_cast<int>(calls.log.size()) - 1) return false;
  errno = ENOSPC;
  return true;
}

std::string path_of(int fd) {
  std::error_code failed;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), failed).string();
}

}  // namespace

// In place of the C library's, for this program: the order of what becomes durable is the promise.
extern "C" int fsync(int fd) {
  if (shall_fail("fsync " + path_of(fd))) return -1;
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int renameat2(int from_fd, const char* from, int to_fd, const char* to,
                         unsigned int flags) noexcept {
  if (shall_fail(flags == RENAME_EXCHANGE ? "exchange" : "rename")) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_fd, from, to_fd, to, flags));
}

namespace {

class Tree : public TemporaryDirectory {
 public:
  void write(const std::string& key, const std::string& content) const {
    fs::create_directories(at(key).parent_path());
    std::ofstream(at(key), std::ios::binary) << content;
  }
  std::string read(const std::string& key) const {
    std::ifstream file(at(key), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  fs::path at(const std::string& key) const { return fs::path(root()) / key; }
  std::string root() const { return path() + "/config"; }
  std::vector<std::string> beside() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path()))
      names.push_back(entry.path().filename());
    return names;
  }
  mode_t mode(const std::string& key) const {
    struct stat info {};
    return ::lstat(at(key).c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
};

const std::vector<TreeChange> kTwo = {{"inputs/A", "new", false}, {"inputs/B", "new", false}};

}  // namespace

TEST_CASE("a change makes the root, writes one line and leaves nothing else", "[config-write]") {
  const auto changes =
      GENERATE(std::vector<TreeChange>{{"inputs/A", "1", false}},
               std::vector<TreeChange>{{"inputs/A", "1", false}, {"secrets/S", "hidden", true}});
  Tree tree;

  REQUIRE(change_tree(tree.root(), changes));

  CHECK(tree.read("inputs/A") == "1\n");
  CHECK(tree.mode("inputs/A") == 0644);
  CHECK(tree.mode("") == 0755);
  CHECK(tree.beside() == std::vector<std::string>{"config"});
  CHECK_FALSE(fs::exists(tree.at("inputs/.A.new")));
}

TEST_CASE("secrets get mode 0600, also those that are only copied", "[config-write]") {
  Tree tree;
  tree.write("cluster/token", "old\n");
  tree.write("overlays/node=n1/secrets/OLD", "old\n");
  fs::permissions(tree.at("cluster/token"), fs::perms(0644));
  fs::permissions(tree.at("overlays/node=n1/secrets/OLD"), fs::perms(0644));

  REQUIRE(change_tree(tree.root(), {{"secrets/NEW", "x", false}, {"odd/NEW", "x", true}}));

  for (const auto* key :
       {"cluster/token", "overlays/node=n1/secrets/OLD", "secrets/NEW", "odd/NEW"}) {
    CAPTURE(key);
    CHECK(tree.mode(key) == 0600);
  }
}

TEST_CASE("an exchange keeps modes, links and files that are no keys", "[config-write]") {
  Tree tree;
  tree.write("README.md", "about\n");
  tree.write("inputs/A", "1\n");
  fs::create_symlink("A", tree.at("inputs/LINK"));
  fs::permissions(tree.at("inputs"), fs::perms(0750));
  fs::permissions(tree.at("inputs/A"), fs::perms(0640));
  fs::permissions(tree.root(), fs::perms(0711));

  REQUIRE(change_tree(tree.root(), {{"inputs/B", "2", false}, {"inputs/C", "3", false}}));

  CHECK(tree.read("README.md") == "about\n");
  CHECK(fs::read_symlink(tree.at("inputs/LINK")) == "A");
  CHECK(tree.mode("inputs") == 0750);
  CHECK(tree.mode("inputs/A") == 0640);
  CHECK(tree.mode("") == 0711);
}

TEST_CASE("a removal takes the empty directories along, and what is not there is fine",
          "[config-write]") {
  Tree tree;
  tree.write("node/modes", "agent\n");
  tree.write("overlays/node=n1/profile/url", "x\n");

  REQUIRE(change_tree(tree.root(), {{"overlays/node=n1/profile/url", std::nullopt, false}}));
  REQUIRE(change_tree(tree.root(), {{"inputs/NONE", std::nullopt, false}}));
  REQUIRE(change_tree(tree.root(), {{"node/modes/below", std::nullopt, false}}));

  CHECK_FALSE(fs::exists(tree.at("overlays")));
  CHECK(fs::exists(tree.at("node/modes")));
}

TEST_CASE("one key is changed in place, so that the directory stays the same", "[config-write]") {
  Tree tree;
  tree.write("inputs/A", "1\n");
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat(tree.root().c_str(), &before) == 0);

  REQUIRE(change_tree(tree.root(), {{"inputs/A", "2", false}}));

  REQUIRE(::stat(tree.root().c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(tree.read("inputs/A") == "2\n");
}

TEST_CASE("a reader never sees half of a change", "[config-write]") {
  Tree tree;
  REQUIRE(change_tree(tree.root(), {{"inputs/A", "0", false}, {"inputs/B", "0", false}}));
  std::atomic<bool> over = false;
  std::atomic<int> halves = 0;
  std::atomic<int> whole = 0;
  std::thread reader([&] {
    while (!over) {
      const auto read = read_config_tree({{{kLayerMachine, tree.root()}}, "n1", ""});
      if (!read.errors.empty()) continue;  // said to be not at rest
      const auto value = [&](const std::string& key) {
        const auto found = read.settings.find(key);
        return found == read.settings.end() ? "" : found->second.value;
      };
      ++(!value("inputs/A").empty() && value("inputs/A") == value("inputs/B") ? whole : halves);
    }
  });

  for (int i = 1; i <= 200; ++i) {
    const std::string number = std::to_string(i);
    REQUIRE(change_tree(tree.root(), {{"inputs/A", number, false}, {"inputs/B", number, false}}));
  }
  while (whole < 10)
    std::this_thread::yield();
  over = true;
  reader.join();

  CHECK(halves == 0);
}

TEST_CASE("the copy is durable before the exchange, the exchange before the end",
          "[config-write]") {
  Tree tree;
  tree.write("inputs/OLD", "1\n");
  calls = {};
  calls.watched = true;

  const auto done = change_tree(tree.root(), kTwo);

  calls.watched = false;
  REQUIRE(done);
  const auto& log = calls.log;
  const auto exchange = std::ranges::find(log, "exchange");
  REQUIRE(exchange != log.end());
  const std::string copy = "fsync " + tree.path() + "/.config.new";
  for (const auto* what : {"", "/inputs", "/inputs/OLD", "/inputs/.A.new", "/inputs/.B.new"}) {
    CAPTURE(what);
    CHECK(std::find(log.begin(), exchange, copy + what) != exchange);
  }
  CHECK(log.back() == "fsync " + tree.path());
  CHECK(std::find(log.begin(), exchange, log.back()) == exchange);
}

TEST_CASE("a full disk at whatever moment leaves the old tree", "[config-write]") {
  auto changes = kTwo;
  changes.resize(GENERATE(as<std::size_t>{}, 1, 2));
  Tree tree;
  tree.write("inputs/A", "old\n");
  tree.write("inputs/B", "old\n");
  calls = {};
  calls.watched = true;
  REQUIRE(change_tree(tree.root(), changes));
  // The last sync comes after the change: its failure cannot take it back.
  const int last = static_cast<int>(calls.log.size()) - 1;
  CAPTURE(calls.log);
  REQUIRE(last > 0);

  for (int i = 0; i < last; ++i) {
    calls.watched = false;
    tree.write("inputs/A", "old\n");
    tree.write("inputs/B", "old\n");
    calls = {{}, i, true};
    const auto done = change_tree(tree.root(), changes);
    calls.watched = false;
    CAPTURE(i);
    REQUIRE_FALSE(done);
    CHECK(done.error().reason() == "DiskFull");
    CHECK_THAT(done.error().message(), ContainsSubstring("changing " + tree.root()));
    CHECK(tree.read("inputs/A") == "old\n");
    CHECK(tree.read("inputs/B") == "old\n");
    CHECK(tree.beside() == std::vector<std::string>{"config"});
    CHECK_FALSE(fs::exists(tree.at("inputs/.A.new")));
  }
}

TEST_CASE("what a killed run left behind is removed", "[config-write]") {
  auto changes = kTwo;
  changes.resize(GENERATE(as<std::size_t>{}, 1, 2));
  Tree tree;
  fs::create_directories(tree.path() + "/.config.new/inputs");
  std::ofstream(tree.path() + "/.config.new/inputs/HALF") << "x";

  REQUIRE(change_tree(tree.root(), changes));

  CHECK(tree.beside() == std::vector<std::string>{"config"});
  CHECK_FALSE(fs::exists(tree.at("inputs/HALF")));
}

TEST_CASE("a key that is no path below the root changes nothing", "[config-write]") {
  const auto key = GENERATE(as<std::string>{}, "", "/etc/passwd", "../x", "inputs//A", "inputs/.",
                            "inputs/", std::string("inputs/A\0B", 10));
  Tree tree;

  const auto done = change_tree(tree.root(), {{"inputs/A", "1", false}, {key, "x", false}});

  REQUIRE_FALSE(done);
  CHECK(done.error().kind() == ErrorKind::kInvalid);
  CHECK_FALSE(fs::exists(tree.root()));
}

TEST_CASE("files, directories and links in each other's place are refused", "[config-write]") {
  Tree tree;
  Tree elsewhere;
  elsewhere.write("url", "x\n");
  tree.write("node", "a file\n");
  fs::create_directories(tree.at("inputs/A"));
  fs::create_directory_symlink(elsewhere.root(), tree.at("profile"));
  const auto [key, part] = GENERATE(table<std::string, std::string>({
      {"node/modes", "expected a directory, found a file"},
      {"inputs/A", "expected a file, found a directory"},
      {"profile/url", "expected a directory, found"},
  }));
  const bool several = GENERATE(false, true);

  std::vector<TreeChange> changes = {{key, "y", false}};
  if (several) changes.push_back({"apply/auto", "true", false});
  const auto done = change_tree(tree.root(), changes);

  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().message(), ContainsSubstring(part));
  CHECK(elsewhere.read("url") == "x\n");
  CHECK_FALSE(fs::exists(tree.at("apply/auto")));
}

TEST_CASE("a value that is a link becomes a file; what it points to stays", "[config-write]") {
  Tree tree;
  tree.write("inputs/TARGET", "old\n");
  fs::create_symlink("TARGET", tree.at("inputs/A"));

  REQUIRE(change_tree(tree.root(), {{"inputs/A", "new", false}}));

  CHECK(tree.read("inputs/A") == "new\n");
  CHECK(tree.read("inputs/TARGET") == "old\n");
}

TEST_CASE("a FIFO in the tree is named, not waited for; its removal alone works",
          "[config-write]") {
  Tree tree;
  fs::create_directories(tree.at("inputs"));
  REQUIRE(::mkfifo(tree.at("inputs/PIPE").c_str(), 0600) == 0);

  const auto done = change_tree(tree.root(), kTwo);

  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().message(), ContainsSubstring("inputs/PIPE"));
  CHECK(change_tree(tree.root(), {{"inputs/PIPE", std::nullopt, false}}));
  CHECK(change_tree(tree.root(), kTwo));
}

TEST_CASE("a root where nothing can be written is a plain error", "[config-write]") {
  const auto root = GENERATE(as<std::string>{}, "/proc/klubster-none", "/dev/null/config", "/");

  const auto done = change_tree(root, kTwo);

  REQUIRE_FALSE(done);
  CHECK_FALSE(done.error().message().empty());
}

TEST_CASE("two runs at once wait for one another", "[config-write]") {
  Tree tree;
  const auto change = [&](const std::string& name) {
    for (int i = 0; i < 20; ++i) {
      const auto done = change_tree(
          tree.root(),
          {{"inputs/" + name + std::to_string(i), "1", false}, {"inputs/LAST", name, false}});
      if (!done) return false;
    }
    return true;
  };
  std::atomic<bool> other = false;
  std::thread thread([&] { other = change("B"); });

  const bool own = change("A");
  thread.join();

  CHECK(own);
  CHECK(other);
  CHECK(std::distance(fs::directory_iterator(tree.at("inputs")), fs::directory_iterator()) == 41);
}
