// The state at the start of the daemon: opened, or looked at and told.
#include "daemon/state_on_disk.h"

#include <filesystem>

#include "base/digest.h"
#include "base/log.h"
#include "daemon/generations.h"
#include "linux/files.h"
#include "model/node_config.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

struct Disk {
  TemporaryDirectory directory;
  Places places;

  Disk() {
    set_log_sink([](LogLevel, std::string_view, const LogFields&) {});  // damage is expected here
    places.state = directory.path() + "/state";
    places.run = directory.path() + "/run";
    auto opened = open_state(places, "boot", {});
    REQUIRE(opened);
    REQUIRE_FALSE(opened->refused);
    std::vector<Event> events = {booted("first", ""), config_accepted("hash")};
    REQUIRE(opened->log.append(events));
    salt = opened->salt;
  }
  // With a generation whose stored config names the salt.
  void make_generation() {
    const GenerationFacts facts{.number = 1};
    NodeConfig plain;
    plain.node = "n1";
    Profile profile;
    profile.name = profile.category = profile.scenario = "demo";
    profile.version = "1";
    profile.engine = "shell";
    const Json config = to_json(plain, SecretForm::kDigest, salt);
    REQUIRE(save_generation(places.generations(), facts, config, profile));
    auto opened = open_state(places, "boot", {});
    REQUIRE(opened);
    std::vector<Event> events = {generation_made(facts)};
    REQUIRE(opened->log.append(events));
  }
  std::string salt;
};

}  // namespace

TEST_CASE("a state that cannot be opened is looked at, and nothing in it changes", "[state]") {
  Disk disk;
  std::string named;
  SECTION("blobs is a file") {
    fs::remove_all(disk.places.blobs());
    REQUIRE(write_file(disk.places.blobs(), "", 0600));
    named = "/blobs";
  }
  SECTION("the salt's place cannot be written") {
    fs::remove(disk.places.salt());
    fs::create_directory(disk.places.salt() + ".tmp");
    named = "/salt";
  }
  auto opened = open_state(disk.places, "boot", {});
  REQUIRE(opened);
  REQUIRE(opened->refused);
  CHECK(opened->refused->reason() == "StateUnusable");
  CHECK(opened->refused->message().find(named) != std::string::npos);
  CHECK(opened->state.config_hash == "hash");
  std::vector<Event> events = {apply_ended()};
  CHECK_FALSE(opened->log.append(events));
  CHECK_FALSE(try_state(disk.places, "boot"));
}

TEST_CASE("what refused once is looked at until it can be written again", "[state]") {
  Disk disk;
  const Error why(ErrorKind::kIo, "DiskFull", "no space left");
  const auto looked = open_state(disk.places, "boot", state_unusable(why));
  REQUIRE(looked);
  REQUIRE(looked->refused);
  CHECK(looked->refused->message() == "no space left");
  CHECK(looked->state.last_seq == 2);
  CHECK(try_state(disk.places, "boot"));
}

TEST_CASE("a daemon that finds another one, or a newer log, ends", "[state]") {
  Disk disk;
  auto first = open_state(disk.places, "boot", {});
  REQUIRE(first);
  const auto second = open_state(disk.places, "boot", {});
  REQUIRE_FALSE(second);
  CHECK(second.error().reason() == "AlreadyRunning");
}

TEST_CASE("a salt that is damaged or gone comes back from the generation", "[state]") {
  Disk disk;
  disk.make_generation();
  const std::string path = disk.places.salt();
  SECTION("gone") {
    fs::remove(path);
  }
  SECTION("empty") {
    REQUIRE(write_file(path, "", 0600));
  }
  SECTION("cut") {
    REQUIRE(write_file(path, disk.salt.substr(0, 31), 0600));
  }
  SECTION("with a flipped bit") {
    std::string other = disk.salt;
    other[7] = static_cast<char>(other[7] ^ 4);
    REQUIRE(write_file(path, other, 0600));
  }
  SECTION("a link") {
    fs::rename(path, path + ".real");
    fs::create_symlink(path + ".real", path);
  }
  SECTION("a directory") {
    fs::remove(path);
    fs::create_directory(path);
  }
  const auto opened = open_state(disk.places, "boot", {});
  REQUIRE(opened);
  CHECK_FALSE(opened->refused);
  CHECK(opened->salt == disk.salt);
  CHECK(read_file(path, 64).value() == disk.salt);
}

TEST_CASE("a salt without a generation that knows it is made anew when it is damaged", "[state]") {
  Disk disk;
  REQUIRE(write_file(disk.places.salt(), "short", 0600));
  const auto opened = open_state(disk.places, "boot", {});
  REQUIRE(opened);
  CHECK(opened->salt.size() == 32);
  CHECK(opened->salt != disk.salt);
  CHECK(fs::exists(disk.places.salt() + ".damaged"));
}

TEST_CASE("a generation with a changed byte in any of its files is not believed", "[state]") {
  Disk disk;
  disk.make_generation();
  const auto whole = load_generation(disk.places.generations(), 1);
  INFO((whole ? "" : whole.error().message()));
  REQUIRE(whole);
  const std::string name = GENERATE(as<std::string>{}, "config.json", "profile.json");
  const std::string path = disk.places.generations() + "/1/" + name;
  std::string text = *read_file(path, 1 << 20);
  text.at(text.find(':') - 2) ^= 1;  // in a key: JSON as before
  REQUIRE(write_file(path, text, 0600));
  const auto loaded = load_generation(disk.places.generations(), 1);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().reason() == "StateDamaged");
  CHECK(loaded.error().message().find(name) != std::string::npos);
}
