// An export is a plain tar; its import gives the same config on another machine.
#include <fcntl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "cli/exit_code.h"
#include "cli/tar_writer.h"
#include "linux/config_tree.h"
#include "linux/files.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

// A tree with a key of each kind, and a place for what comes of it.
struct Moving {
  TreeFiles tree, place;
  std::string file = place.at("export.tar"), other = place.at("other");

  Moving() {
    ::setenv("KLUBSTER_PROGRAM_DIR", KLUBSTER_TEST_PROGRAM_DIR, 1);
    tree.write("node/name", "n1\n");
    tree.write("cluster/name", "blue\n");
    tree.write("cluster/token", make_token() + "\n");
    tree.write("members/n1/modes", "server\n");
    tree.write("overlays/node=n1/inputs/MOTTO", "two\nlines and a \\ and é\n");
    tree.write("secrets/PASSWORD", "hush\n");
    tree.write("node/labels/" + std::string(60, 'a') + "." + std::string(60, 'b') + "." +
                   std::string(60, 'c') + "/" + std::string(60, 'd'),
               "a long key\n");
  }
  ~Moving() { ::unsetenv("KLUBSTER_PROGRAM_DIR"); }
  Moving(const Moving&) = delete;
  Moving& operator=(const Moving&) = delete;

  Ran export_to(const std::string& to, bool secrets) const {
    std::vector<std::string> words = {"export", "--root", tree.path(), "-o", to};
    if (secrets) words.emplace_back("--with-secrets");
    return klubster_command(words);
  }
  Ran import() const { return klubster_command({"import", file, "--root", other}); }
  static std::string hash_of(const std::string& root) {
    const auto config = resolve_config(fleet_config_sources({root}));
    return config ? config->config_hash : config.error().message();
  }
  // An archive of these members, as somebody else may have made it.
  void write_export(std::vector<TarMember> members) const {
    const auto fd = open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd);
    members.push_back({"klubster-export/about.json", R"({"v":1,"configHash":"x"})"});
    REQUIRE(write_tar(fd->get(), std::move(members)));
  }
};

int shell(const std::string& command) {
  return std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe, cert-env33-c)
}

}  // namespace

TEST_CASE("an import gives the config hash of the export", "[export]") {
  const Moving moving;
  const Ran exported = moving.export_to(moving.file, true);
  INFO(exported.err);
  REQUIRE(exported.code == kExitDone);
  CHECK(moving.place.mode("export.tar") == 0600);

  const Ran imported = moving.import();
  INFO(imported.err);
  CHECK(imported.code == kExitDone);
  CHECK_THAT(imported.out, ContainsSubstring("as exported"));
  CHECK(Moving::hash_of(moving.other) == Moving::hash_of(moving.tree.path()));
  CHECK(moving.place.mode("other/secrets/PASSWORD") == 0600);
}

TEST_CASE("tar and cat read an export", "[export]") {
  const Moving moving;
  REQUIRE(moving.export_to(moving.file, true).code == kExitDone);
  REQUIRE(shell("tar -C " + moving.place.path() + " -xf " + moving.file) == 0);
  CHECK(moving.place.read("klubster-export/config/inputs/MOTTO") == "two\nlines and a \\ and é\n");
  CHECK(moving.place.read("klubster-export/config/node/name") == "n1\n");
  CHECK_THAT(moving.place.read("klubster-export/about.json"),
             ContainsSubstring(Moving::hash_of(moving.tree.path())));
}

TEST_CASE("secrets are left out unless they are asked for, and never go to a pipe", "[export]") {
  const Moving moving;
  const Ran exported = moving.export_to(moving.file, false);
  CHECK(exported.code == kExitDone);
  CHECK_THAT(exported.err, ContainsSubstring("left out: secrets/PASSWORD"));
  CHECK(moving.place.mode("export.tar") == 0600);
  CHECK(read_file(moving.file, 1 << 20)->find("hush") == std::string::npos);
  const Ran imported = moving.import();
  CHECK_THAT(imported.err, ContainsSubstring("note: "));
  const Ran piped = klubster_command({"export", "--root", moving.tree.path(), "--with-secrets"});
  CHECK(piped.code == kExitUsage);
}

TEST_CASE("the same state gives the same bytes, and nothing is overwritten", "[export]") {
  const Moving moving;
  REQUIRE(moving.export_to(moving.file, true).code == kExitDone);
  REQUIRE(moving.export_to(moving.place.at("again.tar"), true).code == kExitDone);
  CHECK(moving.place.read("export.tar") == moving.place.read("again.tar"));
  CHECK(moving.export_to(moving.file, true).code != kExitDone);
}

TEST_CASE("an export that is cut short leaves no file", "[export]") {
  const Moving moving;
  // No file may be longer than this, as on a disk that is full.
  struct rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const struct rlimit small = {600, before.rlim_max};
  auto* const old_handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const Ran cut = moving.export_to(moving.file, true);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  (void)std::signal(SIGXFSZ, old_handler);
  CHECK(cut.code == kExitFailed);
  CHECK_THAT(cut.err, ContainsSubstring("File too large"));
  CHECK_FALSE(exists(moving.file));
  CHECK(moving.export_to(moving.file, true).code == kExitDone);
}

TEST_CASE("what is no export is refused, and nothing is written", "[export]") {
  const Moving moving;
  const auto refused = [&](std::vector<TarMember> members) {
    moving.write_export(std::move(members));
    const Ran ran = moving.import();
    INFO(ran.err);
    CHECK(ran.code == kExitFixInput);
    CHECK_FALSE(exists(moving.other));
  };
  const std::string config = "klubster-export/config/";
  refused({{config + "../../../etc/passwd", "x"}});
  refused({{config + "/etc/passwd", "x"}});
  refused({{config + "node/name", "n1"}, {config + "node/name", "n2"}});
  refused({{config + "node/nmae", "n1"}});
  refused({{config + "node/name", "not a name!"}});
  refused({{config + "node/name", std::string(70'000, 'a')}});
  refused({{config + "inputs/X", "\xff\xfe"}});
  refused({{"etc/passwd", "x"}});
  refused({});
  REQUIRE(write_file(moving.file, "no tar at all", 0600));
  CHECK(moving.import().code == kExitFixInput);
}

TEST_CASE("links in an export are refused", "[export]") {
  const Moving moving;
  std::filesystem::create_directories(moving.place.at("klubster-export/config/node"));
  std::filesystem::create_symlink("/etc/hostname",
                                  moving.place.at("klubster-export/config/node/name"));
  REQUIRE(shell("tar -C " + moving.place.path() + " -cf " + moving.file + " klubster-export") == 0);
  const Ran ran = moving.import();
  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("regular file"));
}
