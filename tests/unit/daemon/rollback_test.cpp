// What stands between a node and an earlier generation.
#include "daemon/rollback.h"

#include <filesystem>

#include "daemon/generations.h"
#include "linux/config_tree.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr const char* kNodeSalt = "0123456789abcdef0123456789abcdef";

// A node with a config tree and a place for generations.
struct Node {
  TreeFiles files;
  Places places{files.path() + "/state", files.path() + "/run"};

  Node() {
    write("node/name", "n1");
    write("node/modes", "server");
    write("profile/path", "/srv/profile.tgz");
    write("profile/sha256", std::string(64, 'a'));
    std::filesystem::create_directories(places.generations());
  }
  void write(const std::string& key, const std::string& value) {
    files.write("tree/" + key, value);
  }
  ConfigSources sources() const { return fleet_config_sources({files.path() + "/tree"}); }
  NodeConfig config() const {
    auto config = resolve_config(sources());
    REQUIRE(config.has_value());
    return *config;
  }
  // Of the tree as it is now.
  void keep(std::uint64_t number) {
    GenerationFacts facts;
    facts.number = number;
    facts.profile_sha256 = std::string(64, 'b');
    Profile profile;
    profile.name = "p";
    profile.version = "1";
    profile.modes["server"] = {};
    auto saved = save_generation(places.generations(), facts,
                                 to_json(config(), SecretForm::kDigest, kNodeSalt), profile);
    REQUIRE(saved.has_value());
    std::filesystem::create_directories(places.profile(facts.profile_sha256));
  }
  Result<RollbackTarget> target(std::uint64_t number) const {
    const NodeConfig today = config();
    return rollback_target(places, number, sources(), &today, kNodeSalt);
  }
};

}  // namespace

TEST_CASE("a generation is returned to as it is kept, with today's secrets", "[rollback]") {
  Node node;
  node.write("inputs/SIZE", "1");
  node.write("secrets/PASSWORD", "old");
  node.keep(1);
  node.write("inputs/SIZE", "2");
  node.write("secrets/PASSWORD", "new");
  const auto target = node.target(1);
  REQUIRE(target.has_value());
  CHECK(target->config.inputs.at("SIZE") == "1");
  CHECK(target->config.secrets.at("PASSWORD") == "new");
  CHECK(target->differs.empty());
}

TEST_CASE("one that is not kept is refused with those that are", "[rollback]") {
  Node node;
  node.keep(4);
  node.keep(12);
  CHECK(kept_generations(node.places) == std::vector<std::uint64_t>{4, 12});
  const auto target = node.target(5);
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error().reason() == "NoSuchGeneration");
  CHECK_THAT(target.error().message(), ContainsSubstring("(4, 12), found 5"));

  std::filesystem::remove_all(node.places.profile(std::string(64, 'b')));
  CHECK(node.target(4).error().reason() == "NoSuchGeneration");  // without its profile
}

TEST_CASE("a missing secret is named", "[rollback]") {
  Node node;
  node.write("secrets/PASSWORD", "old");
  node.keep(1);
  std::filesystem::remove(node.files.path() + "/tree/secrets/PASSWORD");
  const auto target = node.target(1);
  REQUIRE_FALSE(target.has_value());
  CHECK(target.error().reason() == "SecretMissing");
  CHECK_THAT(target.error().message(), ContainsSubstring("secrets/PASSWORD"));
  CHECK_THAT(target.error().message(), !ContainsSubstring("old"));
}

TEST_CASE("tools of another image are told, and those that are gone refused", "[rollback]") {
  Node node;
  node.write("steps/path.d/10", "/usr/bin");
  node.keep(1);
  node.write("steps/path.d/10", "/nowhere/tools");
  node.keep(2);
  const auto present = node.target(1);
  REQUIRE(present.has_value());
  REQUIRE(present->differs.size() == 1);
  CHECK_THAT(present->differs[0], ContainsSubstring("/nowhere/tools"));

  node.write("steps/path.d/10", "/usr/bin");
  const auto gone = node.target(2);
  REQUIRE_FALSE(gone.has_value());
  CHECK(gone.error().reason() == "ImageDiffers");
  CHECK_THAT(gone.error().hint(), ContainsSubstring("boot the system generation"));
}

TEST_CASE("another node's generation is not returned to", "[rollback]") {
  Node node;
  node.keep(1);
  node.write("node/name", "n2");
  CHECK(node.target(1).error().reason() == "NotInPlace");
}

TEST_CASE("without a number it is the last good one that is not in force", "[rollback]") {
  const auto facts = [](std::uint64_t number, std::uint64_t rollback_of = 0) {
    GenerationFacts made;
    made.number = number;
    made.rollback_of = rollback_of;
    return made;
  };
  NodeState state;
  CHECK(default_rollback(state) == 0);
  state.fold(generation_made(facts(1)));
  state.fold(generation_ready(1));
  CHECK(default_rollback(state) == 0);
  state.fold(generation_made(facts(2)));
  CHECK(default_rollback(state) == 1);
  state.fold(generation_ready(2));
  CHECK(default_rollback(state) == 1);
  state.fold(generation_made(facts(3)));
  CHECK(default_rollback(state) == 2);
  state.fold(generation_made(facts(4, 2)));
  CHECK(default_rollback(state) == 1);
  state.fold(generation_ready(4));
  CHECK(state.good_before->number == 1);  // 4 is 2 again
  CHECK(default_rollback(state) == 1);
}
