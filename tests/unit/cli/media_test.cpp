// What a KLUBSTER medium may hold, and how it comes over.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "cli/exit_code.h"
#include "cli/media.h"
#include "cli/media_contents.h"
#include "linux/files.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A medium below medium/, a machine's state below state/.
class Bench : public TemporaryDirectory {
 public:
  Bench() { fs::create_directory(state()); }
  std::string at(const std::string& name) const { return path() + "/" + name; }
  std::string medium() const { return at("medium"); }
  std::string state() const { return at("state"); }
  void write(const std::string& name, const std::string& content, mode_t mode = 0644) const {
    const fs::path file = fs::path(path()) / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
  }
  std::string text(const std::string& name) const {
    return read_file(at(name), 1 << 20).value_or("(none)");
  }
  mode_t mode(const std::string& name) const {
    struct stat info {};
    return ::lstat(at(name).c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  bool has(const std::string& name) const { return fs::exists(at(name)); }
};

void write_good_medium(const Bench& bench) {
  bench.write("medium/config/node/modes", "single-node\n");
  bench.write("medium/config/README", "for people\n");
  bench.write("medium/credentials/klubster.secrets.PASSWORD", "hidden\n");
  bench.write("medium/credentials/klubster.profile.path", "/var/lib/klubster/media/a.tgz\n");
  bench.write("medium/blobs/a.tgz", std::string(300'000, 'x'));
  bench.write("medium/else/where", "nobody looks here");
}

}  // namespace

TEST_CASE("config, credentials and blobs of a medium come over", "[media]") {
  const Bench bench;
  write_good_medium(bench);
  bench.write("state/config/node/name", "n1\n");  // was there before

  REQUIRE(import_media(bench.medium(), bench.state()));

  CHECK(bench.text("state/config/node/modes") == "single-node\n");
  CHECK(bench.text("state/config/node/name") == "n1\n");
  CHECK(bench.text("state/config/secrets/PASSWORD") == "hidden\n");
  CHECK(bench.text("state/config/profile/path") == "/var/lib/klubster/media/a.tgz\n");
  CHECK(bench.text("state/media/a.tgz").size() == 300'000);
  CHECK(bench.mode("state/config/node/modes") == 0644);
  CHECK(bench.mode("state/config/secrets/PASSWORD") == 0600);
  CHECK(bench.mode("state/config/profile/path") == 0600);
  CHECK_FALSE(bench.has("state/config/README"));
  CHECK_FALSE(bench.has("state/else"));
}

TEST_CASE("importing again, also after a cut, gives the same", "[media]") {
  const Bench bench;
  write_good_medium(bench);
  bench.write("state/media/.a.tgz", "half of it");  // cut off
  bench.write("state/media/a.tgz", "an old one");

  REQUIRE(import_media(bench.medium(), bench.state()));
  REQUIRE(import_media(bench.medium(), bench.state()));

  CHECK(bench.text("state/media/a.tgz").size() == 300'000);
  CHECK_FALSE(bench.has("state/media/.a.tgz"));
}

// The import is killed at any moment, on the very file system that a machine would have.
TEST_CASE("an import that is cut off leaves no config, or all of it with its blobs", "[media]") {
  const Bench bench;
  write_good_medium(bench);
  bench.write("medium/config/node/labels/last", "x\n");
  bench.write("medium/blobs/b.tgz", std::string(300'000, 'y'));
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(import_media(bench.medium(), bench.state()));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begun);
  constexpr int kCuts = 12;
  for (int cut = 0; cut < kCuts; ++cut) {
    const auto pause = static_cast<useconds_t>(whole.count() * cut / kCuts);
    fs::remove_all(bench.state());
    fs::create_directory(bench.state());
    const pid_t child = ::fork();
    if (child == 0) ::_exit(import_media(bench.medium(), bench.state()) ? 0 : 1);
    ::usleep(pause);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    INFO("killed after " << pause << " us");
    if (bench.has("state/config")) {
      CHECK(bench.text("state/config/secrets/PASSWORD") == "hidden\n");
      CHECK(bench.text("state/config/node/labels/last") == "x\n");
      CHECK(bench.text("state/media/a.tgz").size() == 300'000);
      CHECK(bench.text("state/media/b.tgz").size() == 300'000);
    }
    REQUIRE(import_media(bench.medium(), bench.state()));
    CHECK(bench.text("state/config/node/labels/last") == "x\n");
    CHECK(std::distance(fs::directory_iterator(bench.at("state/media")),
                        fs::directory_iterator()) == 2);
    CHECK(std::distance(fs::directory_iterator(bench.state()), fs::directory_iterator()) == 2);
  }
}

TEST_CASE("of a medium with mistakes nothing comes over, and all of them are told", "[media]") {
  const Bench bench;
  write_good_medium(bench);
  bench.write("medium/config/profil/url", "https://e.org/x.tgz\n");
  bench.write("medium/config/apply/auto", "perhaps\n");
  bench.write("medium/config/overlays/node=n2/match/mac", "no address\n");
  bench.write("medium/credentials/klubster.node.modes", "agent\n");
  bench.write("medium/credentials/password", "hidden\n");
  bench.write("medium/blobs/-rf", "x");
  bench.write("shadow", "root-only");
  fs::create_symlink(bench.at("shadow"), bench.medium() + "/config/node/environment");
  fs::create_symlink(bench.at("shadow"), bench.medium() + "/credentials/klubster.secrets.A");
  fs::create_symlink(bench.at("shadow"), bench.medium() + "/blobs/shadow");
  REQUIRE(::mkfifo((bench.medium() + "/blobs/pipe").c_str(), 0644) == 0);

  const Status done = import_media(bench.medium(), bench.state());

  REQUIRE_FALSE(done);
  CHECK(done.error().reason() == "MediaRefused");
  const std::string message = done.error().message();
  for (const auto* part : {"profil/url", "did you mean profile/url", "apply/auto", "true or false",
                           "match/mac", "credentials/klubster.node.modes", "credentials/password",
                           "blobs/-rf", "config/node/environment", "symbolic link",
                           "klubster.secrets.A", "blobs/shadow", "blobs/pipe"}) {
    INFO(message);
    CHECK_THAT(message, ContainsSubstring(part));
  }
  CHECK_THAT(message, !ContainsSubstring("root-only"));
  CHECK_THAT(message, !ContainsSubstring("hidden"));
  CHECK_FALSE(bench.has("state/config"));
  CHECK_FALSE(bench.has("state/media"));
}

TEST_CASE("directories of a medium that are links, and empty media, are refused", "[media]") {
  const Bench bench;
  const std::string folder = GENERATE("config", "credentials", "blobs", "");
  fs::create_directories(bench.at("elsewhere/node"));
  bench.write("elsewhere/node/modes", "agent\n");
  fs::create_directories(bench.medium());
  if (!folder.empty()) fs::create_symlink(bench.at("elsewhere"), bench.medium() + "/" + folder);

  const Status done = import_media(bench.medium(), bench.state());

  REQUIRE_FALSE(done);
  CHECK(done.error().reason() == "MediaRefused");
  CHECK_THAT(done.error().message(), ContainsSubstring(folder));
}

TEST_CASE("the modes of a medium say nothing, those of a directory do", "[media]") {
  const Bench bench;
  bench.write("medium/config/cluster/token", make_token() + "\n", 0755);
  CHECK(read_media({bench.medium() + "/config", "", "", true}));

  const auto contents = read_media({bench.medium() + "/config", "", "", false});

  REQUIRE_FALSE(contents);
  CHECK_THAT(contents.error().message(), ContainsSubstring("chmod 600"));
}

TEST_CASE("the record of an import tells how it went", "[media]") {
  const Json good = to_json(MediaRecord{"1234", "/dev/sdb1", {}});
  CHECK(good.bool_or("ok"));
  CHECK(good.text_or("uuid") == "1234");
  CHECK(good.text_or("at").size() == 20);
  const Json bad = to_json(
      MediaRecord{"1234", "/dev/sdb1", Error(ErrorKind::kInvalid, "MediaRefused", "no key x")});
  CHECK_FALSE(bad.bool_or("ok", true));
  CHECK(bad.text_or("reason") == "MediaRefused");
  CHECK(bad.text_or("message") == "no key x");
}

TEST_CASE("media create says what it lacks or cannot take", "[media]") {
  const Bench bench;
  bench.write("there.iso", "");
  bench.write("tree/node/mode", "agent\n");
  fs::create_directory(bench.at("empty"));
  struct Case {
    std::vector<std::string> words;
    std::string part;
    int code;
  };
  const std::string empty = bench.at("empty");
  const std::vector<Case> cases = {
      {{}, "-o FILE", kExitUsage},
      {{"-o", bench.at("x")}, "at least one of --root", kExitUsage},
      {{"--root", "/nonexistent", "-o", bench.at("x")}, "no directory", kExitUsage},
      {{"--root", empty, "-o", bench.at("there.iso")}, "there already", kExitUsage},
      {{"--root", empty, "-o", bench.at("x")}, "hold nothing", kExitUsage},
      {{"--root", bench.at("tree"), "-o", bench.at("x")}, "mean node/modes", kExitFixInput},
  };
  for (const auto& one : cases) {
    std::vector<std::string> all = {"media", "create"};
    all.insert(all.end(), one.words.begin(), one.words.end());

    const Ran ran = klubster_command(all);

    CHECK(ran.code == one.code);
    CHECK_THAT(ran.err, ContainsSubstring(one.part));
    CHECK_FALSE(bench.has("x"));
  }
}

TEST_CASE("media create makes an image for its owner alone when it holds secrets", "[media]") {
  const Bench bench;
  bench.write("tree/node/modes", "agent\n");
  bench.write("credentials/klubster.cluster.token", make_token() + "\n", 0600);
  // What stands in for klubster-unpack copies its first argument's files into its second.
  bench.write("programs/klubster-unpack", "#!/bin/sh\ncd \"$2\" && find . -type f >\"$3\"\n", 0755);
  REQUIRE(::setenv("KLUBSTER_PROGRAM_DIR", bench.at("programs").c_str(), 1) == 0);

  const Ran open =
      klubster_command({"media", "create", "--root", bench.at("tree"), "-o", bench.at("open.iso")});
  const Ran secret =
      klubster_command({"media", "create", "--root", bench.at("tree"), "--credentials",
                        bench.at("credentials"), "-o", bench.at("secret.iso")});
  ::unsetenv("KLUBSTER_PROGRAM_DIR");

  CHECK(open.code == kExitDone);
  CHECK(secret.code == kExitDone);
  CHECK(bench.text("open.iso") == "./config/node/modes\n");
  CHECK(bench.mode("open.iso") == 0644);
  CHECK_THAT(bench.text("secret.iso"), ContainsSubstring("credentials/klubster.cluster.token"));
  CHECK(bench.mode("secret.iso") == 0600);
  CHECK_THAT(secret.err, ContainsSubstring("holds secrets"));
  // Nothing is left of the making.
  CHECK(std::distance(fs::directory_iterator(bench.path()), fs::directory_iterator()) == 6);
}
