// The last good config: kept, used when the tree is bad, never half of it.
#include "daemon/config_in_force.h"

#include <filesystem>

#include "daemon/generations.h"
#include "linux/files.h"
#include "model/event_line.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

// A machine with one root; each ConfigInForce is a start of the daemon.
struct RootedMachine {
  TemporaryDirectory directory;
  Places places;
  NodeState state;
  std::string root = directory.path() + "/etc";

  RootedMachine() {
    places.state = directory.path();
    put("inputs/GREETING", "hello");
    put("secrets/PASSWORD", "for nobody");
    fs::create_directories(places.generations());
  }
  ConfigSources sources() const {
    ConfigSources found;
    found.roots = {{kLayerSystem, root}};
    found.hostname = "n1";
    return found;
  }
  ConfigInForce start() const { return {places, "salt"}; }
  Status read(ConfigInForce& config) {
    auto done = config.read(sources(), state);
    if (done) state.config_hash = config.config().config_hash;
    return done;
  }
  void put(const std::string& key, const std::string& value) const {
    fs::create_directories(fs::path(root + "/" + key).parent_path());
    REQUIRE(write_file(root + "/" + key, value, 0600));
  }
  void make_generation(const ConfigInForce& config) {
    const Json stored = to_json(config.config(), SecretForm::kDigest, "salt");
    REQUIRE(save_generation(places.generations(), {.number = 1}, stored, Profile{}));
    state.generation = GenerationFacts{1, config.config().config_hash, "", "", "", ""};
  }
  std::string kept() const { return read_file(places.last_good(), 1 << 20).value(); }
};

}  // namespace

TEST_CASE("a bad tree changes nothing while the daemon runs", "[in-force]") {
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  machine.put("inputs/GREETING", "bye");
  machine.put("profil/url", "https://example.org");
  CHECK_FALSE(machine.read(config));
  CHECK(config.config().inputs.at("GREETING") == "hello");
  CHECK(config.whole());
}

TEST_CASE("what was last good is in force after a restart with a bad tree", "[in-force]") {
  RootedMachine machine;
  auto before = machine.start();
  REQUIRE(machine.read(before));
  CHECK(machine.kept().find("for nobody") == std::string::npos);
  machine.put("inputs/GREETING", "bye");
  machine.put("profil/url", "https://example.org");

  auto after = machine.start();
  CHECK_FALSE(machine.read(after));
  REQUIRE(after.whole());
  CHECK(after.config().inputs.at("GREETING") == "hello");
  CHECK(after.config().secrets.at("PASSWORD") == "for nobody");  // from the tree
  CHECK(after.config().config_hash == before.config().config_hash);

  fs::remove(machine.root + "/secrets/PASSWORD");
  auto later = machine.start();
  CHECK_FALSE(machine.read(later));
  CHECK(later.known());
  CHECK_FALSE(later.whole());  // nothing new is made without it
}

TEST_CASE("an unchanged config is not written again", "[in-force]") {
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  const auto written = fs::last_write_time(machine.places.last_good());
  fs::last_write_time(machine.places.last_good(), written - std::chrono::hours(1));
  REQUIRE(machine.read(config));
  CHECK(fs::last_write_time(machine.places.last_good()) < written);
  machine.put("inputs/GREETING", "bye");
  REQUIRE(machine.read(config));
  CHECK(machine.kept().find("bye") != std::string::npos);
}

TEST_CASE("a damaged last good config is told, and the generation's takes its place",
          "[in-force]") {
  const std::string damage = GENERATE("", "{", "{}", R"({"v":1,"node":"n1","values":{)");
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  machine.make_generation(config);
  REQUIRE(write_file(machine.places.last_good(), damage, 0600));
  machine.put("profil/url", "https://example.org");

  auto after = machine.start();
  CHECK_FALSE(machine.read(after));
  REQUIRE(after.trouble());
  CHECK(after.trouble()->message().find("last-good.json") != std::string::npos);
  CHECK(after.config().inputs.at("GREETING") == "hello");

  fs::remove_all(machine.root + "/profil");
  CHECK(machine.read(after));
  CHECK_FALSE(after.trouble());
  CHECK(machine.kept().size() > damage.size());  // mended
}

TEST_CASE("a last good config that could not be kept does not hide a newer generation",
          "[in-force]") {
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  const std::string old = machine.kept();
  machine.put("inputs/GREETING", "bye");
  REQUIRE(machine.read(config));
  machine.make_generation(config);
  REQUIRE(write_file(machine.places.last_good(), old, 0600));  // as if the disk had been full
  machine.put("profil/url", "https://example.org");

  auto after = machine.start();
  CHECK_FALSE(machine.read(after));
  CHECK(after.config().inputs.at("GREETING") == "bye");
}

TEST_CASE("a node that belongs to a cluster keeps its name, also over a restart", "[in-force]") {
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  machine.put("node/name", "n2");
  SECTION("before there is a generation it may change") {
    CHECK(machine.read(config));
  }
  SECTION("with a generation it may not") {
    machine.make_generation(config);
    auto after = machine.start();
    const auto read = machine.read(after);
    REQUIRE_FALSE(read);
    CHECK(read.error().reason() == "NotInPlace");
    CHECK(after.config().node == "n1");
    machine.state.gone = true;  // klubster leave
    CHECK(machine.read(after));
    CHECK(after.config().node == "n2");
  }
}

TEST_CASE("what the profile calls sensitive stays a secret on the disk", "[in-force]") {
  RootedMachine machine;
  auto config = machine.start();
  REQUIRE(machine.read(config));
  CHECK(machine.kept().find("hello") != std::string::npos);
  config.treat_as_secret({"inputs/GREETING"});
  CHECK(machine.kept().find("hello") == std::string::npos);

  auto later = machine.start();  // the profile is not known yet
  machine.put("inputs/OTHER", "new");
  REQUIRE(machine.read(later));
  CHECK(machine.kept().find("hello") == std::string::npos);
  CHECK(machine.kept().find("new") != std::string::npos);

  machine.put("profil/url", "https://example.org");
  auto after = machine.start();
  CHECK_FALSE(machine.read(after));
  CHECK(after.config().inputs.at("GREETING") == "hello");  // from the tree
}

TEST_CASE("of thousands of mistakes so many are told as the event log takes", "[in-force]") {
  RootedMachine machine;
  const std::string other = "of-another-program-" + std::string(150, 'x');
  for (int i = 0; i < 2500; ++i)
    machine.put(std::to_string(1000 + i) + other, "");
  auto config = machine.start();
  const Status read = machine.read(config);
  REQUIRE_FALSE(read);
  CHECK(read.error().reason() == "ConfigInvalid");
  const std::string message = read.error().message();
  CHECK(message.find("1000" + other + ":") != std::string::npos);
  CHECK(message.ends_with(" more mistakes"));
  const Event event = config_rejected("ConfigInvalid", message);
  CHECK(event_line(event, log_genesis(2), 2).size() < kLineBytes);
}
