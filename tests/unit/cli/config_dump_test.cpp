// A dumped config is the same config again, in both forms, whatever its values.
#include <random>

#include "base/json.h"
#include "cli/exit_code.h"
#include "linux/config_tree.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

// Valid trees at random; the seed is in the test's message.
class RandomTree {
 public:
  explicit RandomTree(unsigned seed) : random_(seed) {}

  void write(const TreeFiles& tree) {
    maybe(tree, "node/environment", "staging");
    maybe(tree, "node/labels/topology.kubernetes.io/zone", text());
    maybe(tree, "node/labels/rack", text());
    maybe(tree, "cluster/name", "blue");
    maybe(tree, "apply/auto", "false");
    maybe(tree, "recovery/attempts", std::to_string(1 + below(9)));
    maybe(tree, "profile/limits/bytes", "64M");
    maybe(tree, "steps/path.d/10-first", "/opt/bin");
    maybe(tree, "steps/path.d/20-second", "/usr/bin");
    if (below(2) == 0) {
      tree.write("profile/url", "https://e.org/p.tgz\n");
      tree.write("profile/sha256", std::string(64, 'a') + "\n");
      maybe(tree, "profile/mirrors.d/b", "http://mirror.org/p.tgz");
    }
    if (below(2) == 0) {
      tree.write("members/n1/modes", "server stack\n");
      tree.write("members/n2/modes", "agent");
      maybe(tree, "members/n2/address", "[fd00::2]:9446");
      tree.write("cluster/token", make_token() + "\n", 0600);
    }
    for (unsigned i = 0; i < below(6); ++i) {
      tree.write(place() + "inputs/I" + std::to_string(i), lines());
      tree.write(place() + "secrets/S" + std::to_string(i), lines(), 0600);
    }
  }

 private:
  unsigned below(unsigned limit) { return std::uniform_int_distribution(0U, limit - 1)(random_); }
  std::string place() { return below(3) == 0 ? "overlays/node=n1/" : ""; }

  void maybe(const TreeFiles& tree, const std::string& key, const std::string& value) {
    if (below(2) == 0) tree.write(key, value + (below(2) == 0 ? "\n" : ""));
  }
  std::string text() {
    const std::vector<std::string> pieces = {"a", " ", "\"", "\\", "{", "é", "☃", "'", "$X", "="};
    std::string made;
    for (unsigned i = 0; i < below(12); ++i)
      made += pieces[below(static_cast<unsigned>(pieces.size()))];
    return made;
  }
  std::string lines() {
    std::string made = text();
    for (unsigned i = 0; i < below(4); ++i)
      made += "\n" + text();
    return made;
  }

  std::mt19937 random_;
};

NodeConfig config_of(const std::string& root, const std::string& node = "") {
  auto sources = fleet_config_sources({root});
  sources.node = node;
  auto config = resolve_config(sources);
  INFO((config ? "" : config.error().message()));
  REQUIRE(config);
  return *config;
}

void check_same(const NodeConfig& before, const NodeConfig& after) {
  CHECK(after.config_hash == before.config_hash);
  CHECK(after.node == before.node);
  for (const auto& [key, setting] : before.settings) {
    CAPTURE(key);
    REQUIRE(after.settings.count(key) == 1);
    CHECK(after.settings.at(key).value == setting.value);
  }
}

}  // namespace

TEST_CASE("dump then read is the same config, as JSON and as a tree, for random trees",
          "[config-dump]") {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    TreeFiles tree;
    RandomTree(seed).write(tree);
    TreeFiles target;
    const auto dump = [&](const std::string& format, const std::string& to) {
      return klubster_command({"config", "dump", "--root", tree.path(), "--node", "n1", "--format",
                               format, "--secrets", "--to", to});
    };
    const NodeConfig before = config_of(tree.path(), "n1");

    REQUIRE(dump("json", target.at("dump.json")).code == kExitDone);
    REQUIRE(dump("tree", target.at("tree")).code == kExitDone);
    const Ran set = klubster_command(
        {"config", "set", "--from", target.at("dump.json"), "--root", target.at("from-json")});
    const Ran copy = klubster_command(
        {"config", "set", "--from", target.at("tree"), "--root", target.at("from-tree")});

    CAPTURE(set.err, copy.err);
    REQUIRE(set.code == kExitDone);
    REQUIRE(copy.code == kExitDone);
    CHECK(target.mode("dump.json") == 0600);
    check_same(before, config_of(target.at("from-json")));
    check_same(before, config_of(target.at("tree")));
    check_same(before, config_of(target.at("from-tree")));
  }
}

TEST_CASE("a dump with origins is read as well", "[config-dump]") {
  TreeFiles tree;
  tree.write("inputs/X", "1\n");
  tree.write("secrets/Y", "2\n", 0600);
  TreeFiles target;

  REQUIRE(klubster_command({"config", "dump", "--root", tree.path(), "--node", "n1", "--origin",
                            "--secrets", "--to", target.at("d.json")})
              .code == kExitDone);
  REQUIRE(
      klubster_command({"config", "set", "--from", target.at("d.json"), "--root", target.at("new")})
          .code == kExitDone);

  check_same(config_of(tree.path(), "n1"), config_of(target.at("new")));
}

TEST_CASE("a dump without its secrets is refused on reading, with the way to get them",
          "[config-dump]") {
  TreeFiles tree;
  tree.write("secrets/Y", "2\n", 0600);
  TreeFiles target;
  std::vector<std::string> words = {"config", "dump", "--root", tree.path(),
                                    "--node", "n1",   "--to",   target.at("d.json")};
  if (GENERATE(false, true)) words.emplace_back("--origin");
  REQUIRE(klubster_command(words).code == kExitDone);
  CHECK(target.mode("d.json") == 0644);

  const Ran ran = klubster_command(
      {"config", "set", "--from", target.at("d.json"), "--root", target.at("new")});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("secrets/Y") && ContainsSubstring("placeholder (secret)") &&
                          ContainsSubstring("config dump --secrets --to FILE"));
  CHECK_FALSE(target.has("new"));
}

TEST_CASE("secrets are not dumped to standard output, nor over a file that is there",
          "[config-dump]") {
  TreeFiles tree;
  tree.write("secrets/Y", "hunter2\n", 0600);
  TreeFiles target;
  target.write("there", "old\n");

  const Ran out =
      klubster_command({"config", "dump", "--root", tree.path(), "--node", "n1", "--secrets"});
  const Ran over = klubster_command({"config", "dump", "--root", tree.path(), "--node", "n1",
                                     "--secrets", "--to", target.at("there")});

  CHECK(out.code == kExitUsage);
  CHECK(out.out.empty());
  CHECK_THAT(out.err, ContainsSubstring("--to FILE"));
  CHECK(over.code == kExitFailed);
  CHECK(target.read("there") == "old\n");
}
