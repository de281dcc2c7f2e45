// Trees on a real file system, good and bad.
#include "linux/config_tree.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

class TemporaryTree : public TreeFiles {
 public:
  const std::string& root() const { return path(); }

  ConfigSources sources() const { return {{{kLayerSystem, path()}}, "n1", ""}; }
  MergedTree read() const { return read_config_tree(sources()); }
  std::string errors() const {
    std::string text;
    for (const auto& error : read().errors)
      text += error.text() + "\n";
    return text;
  }
};

}  // namespace

TEST_CASE("a value is the content of its file without one trailing newline", "[config-tree]") {
  TemporaryTree tree;
  tree.write("inputs/ONE", "1\n");
  tree.write("inputs/TWO", "1\n\n");
  tree.write("inputs/NONE", "1");
  tree.write("inputs/EMPTY", "");

  const auto read = tree.read();

  CHECK(read.errors.empty());
  CHECK(read.settings.at("inputs/ONE").value == "1");
  CHECK(read.settings.at("inputs/TWO").value == "1\n");
  CHECK(read.settings.at("inputs/NONE").value == "1");
  CHECK(read.settings.at("inputs/EMPTY").value.empty());
  CHECK(read.settings.at("inputs/ONE").origin.file == tree.root() + "/inputs/ONE");
}

TEST_CASE("links to files and directories are followed, as NixOS makes them", "[config-tree]") {
  TemporaryTree store;
  store.write("modes", "agent\n");
  store.write("labels/rack", "a1\n");
  TemporaryTree tree;
  fs::create_directories(tree.at("node"));
  fs::create_symlink(store.at("modes"), tree.at("node/modes"));
  fs::create_directory_symlink(store.at("labels"), tree.at("node/labels"));

  const auto read = tree.read();

  CHECK(read.errors.empty());
  CHECK(read.settings.at("node/modes").value == "agent");
  CHECK(read.settings.at("node/labels/rack").value == "a1");
}

TEST_CASE("editors' leftovers, dot files and README files are ignored", "[config-tree]") {
  TemporaryTree tree;
  for (const auto* name : {"node/modes~", "node/modes.bak", "node/.modes.swp", "node/modes.tmp",
                           "README.md", "node/README", ".git/config"}) {
    tree.write(name, "x");
  }

  CHECK(tree.errors().empty());
  CHECK(tree.read().settings.empty());
}

TEST_CASE("each kind of file that holds no value has its own error, and none hangs",
          "[config-tree]") {
  TemporaryTree tree;
  fs::create_directories(tree.at("profile"));
  const fs::path path = tree.at("profile/url");
  std::string part;
  SECTION("FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    part = "expected a regular file, found a FIFO";
  }
  SECTION("device") {
    fs::create_symlink("/dev/zero", path);
    part = "expected a regular file, found a device";
  }
  SECTION("socket") {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    ::close(fd);
    part = "expected a regular file, found a socket";
  }
  SECTION("directory") {
    fs::create_directory(path);
    part = "expected a file, found a directory";
  }
  SECTION("link loop") {
    fs::create_symlink("url", path);
    part = "found a loop of symbolic links";
  }
  SECTION("dangling link") {
    fs::create_symlink("nowhere", path);
    part = "found a symbolic link to nothing";
  }
  SECTION("too large") {
    tree.write("profile/url", std::string(64 * 1024 + 1, 'a'));
    part = "expected at most 64 KiB";
  }
  SECTION("NUL") {
    tree.write("profile/url", std::string("a\0b", 3));
    part = "found a NUL byte";
  }
  SECTION("not UTF-8") {
    tree.write("profile/url", "\xff\xfe");
    part = "expected UTF-8";
  }
  SECTION("CRLF") {
    tree.write("profile/url", "https://e.org/p.tgz\r\n");
    part = "found CRLF";
  }

  const std::string errors = tree.errors();

  CHECK_THAT(errors, Catch::Matchers::ContainsSubstring(part));
  CHECK_THAT(errors, Catch::Matchers::ContainsSubstring(path.string() + ": key profile/url: "));
}

TEST_CASE("a value of exactly 64 KiB is read", "[config-tree]") {
  TemporaryTree tree;
  tree.write("profile/ca", std::string(64 * 1024, 'a'));

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("certificates in PEM form"));
}

TEST_CASE("an unreadable file is an error that names it", "[config-tree]") {
  if (::geteuid() == 0) return;  // root reads everything
  TemporaryTree tree;
  tree.write("inputs/X", "x");
  fs::permissions(tree.at("inputs/X"), fs::perms::none);

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("inputs/X: key inputs/X: "
                                                               "expected a readable file"));
}

TEST_CASE("a directory link that leads back up is an error", "[config-tree]") {
  TemporaryTree tree;
  tree.write("node/modes", "agent");
  fs::create_directory_symlink(tree.root(), tree.at("node/labels"));

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("leads back to a directory"));
}

TEST_CASE("a tree with too many entries is refused", "[config-tree]") {
  TemporaryTree tree;
  fs::create_directories(tree.at("inputs"));
  for (int i = 0; i < 10'001; ++i) {
    std::ofstream(tree.at("inputs/N" + std::to_string(i))) << "x";
  }

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("at most 10000 entries"));
}

TEST_CASE("directories too deep inside one another are refused", "[config-tree]") {
  TemporaryTree tree;
  std::string key = "node/labels";
  for (int i = 0; i < 20; ++i)
    key += "/d";
  tree.write(key, "x");

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("inside one another"));
}

TEST_CASE("file names that are not UTF-8 are shown escaped", "[config-tree]") {
  TemporaryTree tree;
  tree.write("node/m\xff", "x");

  CHECK_THAT(tree.errors(), Catch::Matchers::ContainsSubstring("node/m\\xff"));
}

TEST_CASE("a root that is not there is an empty layer, one that is a file is an error",
          "[config-tree]") {
  TemporaryTree tree;
  tree.write("file", "x");
  ConfigSources absent{{{kLayerSystem, tree.root() + "/none"}}, "n1", ""};
  ConfigSources file{{{kLayerSystem, tree.root() + "/file"}}, "n1", ""};

  CHECK(read_config_tree(absent).errors.empty());
  REQUIRE(read_config_tree(file).errors.size() == 1);
  CHECK_THAT(read_config_tree(file).errors[0].text(),
             Catch::Matchers::ContainsSubstring("expected a directory"));
}

TEST_CASE("what cannot be read in another node's overlay is not this node's error",
          "[config-tree]") {
  TemporaryTree tree;
  fs::create_directories(tree.at("overlays/node=n2/profile"));
  REQUIRE(::mkfifo(tree.at("overlays/node=n2/profile/url").c_str(), 0600) == 0);

  CHECK(tree.errors().empty());
  ConfigSources other = tree.sources();
  other.node = "n2";
  CHECK(read_config_tree(other).errors.size() == 1);
}

TEST_CASE("all mistakes of form and content come in one error", "[config-tree]") {
  TemporaryTree tree;
  tree.write("node/modes", "servr\n");
  tree.write("apply/auto", "true\r\n");
  tree.write("profile/ulr", "x\n");

  const auto config = resolve_config(tree.sources());

  REQUIRE_FALSE(config);
  CHECK(config.error().reason() == "ConfigInvalid");
  CHECK_THAT(config.error().message(),
             Catch::Matchers::ContainsSubstring("node/modes: expected words of") &&
                 Catch::Matchers::ContainsSubstring("apply/auto: expected lines") &&
                 Catch::Matchers::ContainsSubstring("did you mean profile/url?"));
}

TEST_CASE("the hash does not depend on the order in which files were made", "[config-tree]") {
  TemporaryTree one;
  TemporaryTree two;
  for (int i = 0; i < 50; ++i)
    one.write("inputs/N" + std::to_string(i), std::to_string(i));
  for (int i = 49; i >= 0; --i)
    two.write("inputs/N" + std::to_string(i), std::to_string(i));

  CHECK(resolve_config(one.sources()).value().config_hash ==
        resolve_config(two.sources()).value().config_hash);
}

TEST_CASE("a tree that is changed while it is read is read again", "[config-tree]") {
  TemporaryTree tree;
  tree.write("inputs/A", "0");
  tree.write("inputs/B", "0");
  std::atomic<bool> over = false;
  // Writes A, then B, each by rename; then rests for a while.
  std::thread writer([&] {
    for (int i = 1; !over; ++i) {
      for (const auto* key : {"inputs/A", "inputs/B"}) {
        tree.write("inputs/.new", std::to_string(i));
        fs::rename(tree.at("inputs/.new"), tree.at(key));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  });

  int whole = 0;
  for (int i = 0; i < 300; ++i) {
    const auto read = tree.read();
    if (!read.errors.empty()) continue;  // said to be not at rest: the other honest answer
    // A write that stopped between the two for longer than two readings would look like rest.
    const int a = std::atoi(read.settings.at("inputs/A").value.c_str());
    const int b = std::atoi(read.settings.at("inputs/B").value.c_str());
    if (a == b) ++whole;
  }
  over = true;
  writer.join();

  CHECK(whole > 150);
}

TEST_CASE("the last good config comes back with today's secrets while the tree is broken",
          "[config-tree]") {
  TemporaryTree tree;
  tree.write("node/modes", "single-node\n");
  tree.write("secrets/PASSWORD", "old\n");
  const auto good = resolve_config(tree.sources()).value();
  const Json stored = to_json(good, SecretForm::kDigest, "salt");
  tree.write("node/modes", "singel-node\n");
  tree.write("secrets/PASSWORD", "new\n");
  REQUIRE_FALSE(resolve_config(tree.sources()));

  const auto restored = restore_config(stored, tree.sources());

  REQUIRE(restored);
  CHECK(restored->modes == std::vector<std::string>{"single-node"});
  CHECK(restored->secrets.at("PASSWORD") == "new");
}

TEST_CASE("roots given by hand are layers in their order", "[config-tree]") {
  CHECK(fleet_config_sources({"/a"}).roots[0].layer == kLayerSystem);
  const auto four = fleet_config_sources({"/a", "/b", "/c", "/d"}).roots;
  CHECK(four[0].layer == kLayerImage);
  CHECK(four[3].layer == kLayerRuntime);
}
