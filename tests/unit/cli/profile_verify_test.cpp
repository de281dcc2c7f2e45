// `klubster profile verify`: what a machine's tree trusts is handed to klubster-unpack.
#include "cli/profile_verify.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>

#include "base/digest.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
using Words = std::vector<std::string>;

namespace {

struct Tree {
  TemporaryDirectory directory;
  std::string key = to_base64("Ed" + std::string(8, 'i') + std::string(32, 'k'));

  void write(const std::string& name, const std::string& content) const {
    const std::filesystem::path file = directory.path() + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content << "\n";
  }
  Words options() const { return trust_options(fleet_config_sources({directory.path()})); }
};

}  // namespace

TEST_CASE("a tree that trusts nothing gives no options", "[profile]") {
  const Tree tree;
  CHECK(tree.options().empty());
  tree.write("cluster/name", "lab");
  CHECK(tree.options().empty());
}

TEST_CASE("trusted keys, the pinned digest and the cluster become options", "[profile]") {
  const Tree tree;
  tree.write("profile/trusted-keys.d/me", tree.key);
  CHECK(tree.options() == Words{"--key", tree.key, "--cluster", "klubster"});
  tree.write("profile/sha256", std::string(64, 'a'));
  tree.write("cluster/name", "lab");
  tree.write("profile/url", "no address, which is nothing to this verb");
  CHECK(tree.options() ==
        Words{"--sha256", std::string(64, 'a'), "--key", tree.key, "--cluster", "lab"});
}

TEST_CASE("the tree's budgets become options, what it leaves at its default does not",
          "[profile]") {
  const Tree tree;
  const auto options = [&] { return limit_options(fleet_config_sources({tree.directory.path()})); };
  CHECK(options().empty());
  tree.write("profile/limits/file-bytes", "64M");
  tree.write("profile/limits/entries", "3");
  CHECK(options() == Words{"--limit", "entries=3", "--limit", "file-bytes=64M"});
}

TEST_CASE("root's packages are read without root's rights, also where only root can", "[profile]") {
  const Tree tree;  // 0700
  tree.write("src/profile.yaml",
             "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
             "metadata: { name: demo, version: 1.0.0 }\n"
             "spec: { modes: { server: { steps: [] } } }");
  const std::string programs = KLUBSTER_TEST_PROGRAM_DIR;
  const std::string profile = "cd " + tree.directory.path() +
                              " && KLUBSTER_PROGRAM_DIR=" + programs + " " + programs +
                              "/klubster profile ";
  const auto run = [&](const std::string& words) {
    return WEXITSTATUS(std::system((profile + words + " >out 2>&1").c_str()));
  };
  REQUIRE(run("pack src -o p.tgz") == 0);
  CHECK(run("verify p.tgz --sha256 $(sha256sum p.tgz | cut -d' ' -f1)") == 0);
  CHECK(run("diff p.tgz src") == 0);
  CHECK(run("graph src") == 0);
  const auto verify = [&](const std::string& more) {
    return WEXITSTATUS(std::system(
        ("KLUBSTER_CONFIG_PATH=" + tree.directory.path() + " sh -c '" + profile + "verify p.tgz " +
         more + " --sha256 $(sha256sum p.tgz | cut -d\" \" -f1)' >/dev/null 2>&1")
            .c_str()));
  };
  CHECK(verify("") == 0);
  tree.write("profile/limits/bytes", "20");
  CHECK(verify("") == 78);
  CHECK(verify("--limit bytes=1M") == 0);  // what was typed comes first
  std::filesystem::remove_all(tree.directory.path() + "/profile");
  tree.write("my.pub", tree.key);
  CHECK(run("verify p.tgz --key my.pub") == 78);
  std::ofstream(tree.directory.path() + "/p.tgz.minisig") << "rubbish";
  CHECK(run("verify p.tgz --key my.pub") == 78);
  tree.write("profile/trusted-keys.d/me", tree.key);
  CHECK(std::system(("KLUBSTER_CONFIG_PATH=" + tree.directory.path() + " sh -c '" + profile +
                     "verify p.tgz' 2>&1 | grep -q 'cut or malformed'")
                        .c_str()) == 0);
}
