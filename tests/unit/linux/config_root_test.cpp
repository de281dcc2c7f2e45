// Whether a root that was read is still the same, seen without reading it again.
#include "linux/config_root.h"

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

RootReading read(const std::string& path) {
  return read_root({kLayerSystem, path});
}

using Change = std::function<void(const TreeFiles&)>;

// One tree each, so that they come to rest all at once.
const std::vector<std::pair<const char*, Change>> kChanges = {
    {"a value of the same length",
     [](const TreeFiles& at) { at.write("etc/node/modes", "stack"); }},
    {"a new file", [](const TreeFiles& at) { at.write("etc/inputs/B", "2"); }},
    {"a file less", [](const TreeFiles& at) { fs::remove(at.at("etc/inputs/A")); }},
    {"another name",
     [](const TreeFiles& at) { fs::rename(at.at("etc/inputs/A"), at.at("etc/inputs/B")); }},
    {"rights",
     [](const TreeFiles& at) { fs::permissions(at.at("etc/inputs/A"), fs::perms::owner_read); }},
    {"what a link leads to", [](const TreeFiles& at) { at.write("url", "https://e.org/b"); }},
    {"another directory in its place",
     [](const TreeFiles& at) {
       fs::rename(at.at("etc"), at.at("old"));
       fs::copy(at.at("old"), at.at("etc"), fs::copy_options::recursive);
     }},
};

// Until the last change is old enough to be told from another one.
bool comes_to_rest(const RootReading& reading) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!reading.stands_still() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return reading.stands_still();
}

}  // namespace

TEST_CASE("what has just been written must be read again", "[config-root]") {
  TreeFiles tree;
  tree.write("node/modes", "agent");

  CHECK_FALSE(read(tree.path()).stands_still());
}

TEST_CASE("each change of a root at rest is noticed", "[config-root]") {
  std::deque<TreeFiles> trees(kChanges.size());
  std::vector<RootReading> readings;
  for (const auto& tree : trees) {
    tree.write("etc/node/modes", "agent");
    tree.write("etc/inputs/A", "1");
    tree.write("url", "https://e.org/a");
    fs::create_directory(tree.at("etc/profile"));
    fs::create_symlink(tree.at("url"), tree.at("etc/profile/url"));
    readings.push_back(read(tree.at("etc")));
  }
  for (std::size_t i = 0; i < kChanges.size(); ++i) {
    const auto& [what, change] = kChanges[i];
    CAPTURE(what);
    REQUIRE(comes_to_rest(readings[i]));
    change(trees[i]);
    CHECK_FALSE(readings[i].stands_still());
  }
}

TEST_CASE("a root that comes into being is noticed", "[config-root]") {
  TreeFiles tree;
  const RootReading absent = read(tree.at("var"));
  CHECK(absent.stands_still());

  fs::create_directory(tree.at("var"));

  CHECK_FALSE(absent.stands_still());
}

TEST_CASE("what cannot be read never counts as standing still", "[config-root]") {
  TreeFiles tree;
  tree.write("etc/inputs/NUL", std::string("a\0b", 3));
  fs::create_symlink("nowhere", tree.at("etc/inputs/B"));

  CHECK_FALSE(read(tree.at("etc/inputs")).stands_still());
}
