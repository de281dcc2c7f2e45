// A fleet's tree on a laptop: each node resolved, checked, compared; and the one in examples/.
#include <cstdlib>

#include "base/json.h"
#include "cli/exit_code.h"
#include "linux/config_tree.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kNodes = {"blue-1", "blue-2", "blue-3", "green-1", "green-2"};

std::string fleet() {
  return repository() / "examples/fleet";
}

std::string profile() {
  return repository() / "examples/etcd/profile";
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The example with room for mistakes.
class FleetCopy : public TreeFiles {
 public:
  FleetCopy() { fs::copy(fleet(), path(), fs::copy_options::recursive); }
};

Ran check(const std::string& root, std::vector<std::string> more = {}) {
  ::setenv("KLUBSTER_PROGRAM_DIR", KLUBSTER_TEST_PROGRAM_DIR, 1);
  std::vector<std::string> words = {"config", "check", "--root", root};
  words.insert(words.end(), more.begin(), more.end());
  const Ran ran = klubster_command(words);
  ::unsetenv("KLUBSTER_PROGRAM_DIR");
  return ran;
}

Ran check_all(const std::string& root) {
  return check(root, {"--all-nodes", "--profile", profile()});
}

}  // namespace

TEST_CASE("each node of the example resolves to what is expected of it", "[fleet]") {
  for (const auto& node : kNodes) {
    CAPTURE(node);
    const Ran ran = klubster_command({"config", "dump", "--root", fleet(), "--node", node});
    CHECK(ran.code == kExitDone);
    CHECK(ran.out == text_of(repository() / "tests/unit/cli/fleet" / (node + ".json")));
  }
}

TEST_CASE("the example is fine for its profile, and says which secrets it lacks", "[fleet]") {
  const Ran ran = check_all(fleet());

  CHECK(ran.code == kExitDone);
  for (const auto& node : kNodes)
    CHECK_THAT(ran.out, ContainsSubstring("node " + node + ": fine"));
  CHECK(ran.err ==
        "warning: all nodes: key cluster/token: not in this tree; the machine must get it as the "
        "credential klubster.cluster.token\n");
}

TEST_CASE("each machine of the example is one of its nodes", "[fleet]") {
  const auto [hardware, node] = GENERATE(table<Hardware, std::string>({
      {Hardware{"", "", "", "", {"02:00:00:b1:00:01"}}, "blue-1"},
      {Hardware{"", "SN-B2-0002", "", "", {"02:00:00:ff:00:01"}}, "blue-2"},
      {Hardware{"b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3", "", "", "", {}}, "blue-3"},
      {Hardware{"", "", "", "", {"02:00:00:9e:01:01"}}, "green-1"},
      {Hardware{"", "SN-G2-0002", "", "", {}}, "green-2"},
  }));
  auto sources = fleet_config_sources({fleet()});
  sources.hardware = hardware;

  const auto tree = read_config_tree(sources);

  CHECK(tree.errors.empty());
  CHECK(tree.node == node);
  CHECK(tree.node_from == NodeNameFrom::kMatch);
}

TEST_CASE("a typo in each of three nodes is told at once, with file and key", "[fleet]") {
  FleetCopy tree;
  tree.write("overlays/node=blue-1/inputs/NODE_ADRESS", "10.1.0.11\n");
  tree.write("overlays/node=blue-3/inputs/NODE_ADDRESS", "10.1.0\n");
  tree.write("overlays/node=green-2/aply/auto", "true\n");

  const Ran ran = check_all(tree.path());

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring(
                          "node blue-1: " + tree.at("overlays/node=blue-1/inputs/NODE_ADRESS") +
                          ": key inputs/NODE_ADRESS: expected an input that profile etcd "
                          "1.0.0 has, found NODE_ADRESS (did you mean NODE_ADDRESS?)"));
  CHECK_THAT(ran.err, ContainsSubstring(
                          "node blue-3: " + tree.at("overlays/node=blue-3/inputs/NODE_ADDRESS") +
                          ": key inputs/NODE_ADDRESS: expected an IP address, found \"10.1.0\""));
  CHECK_THAT(ran.err, ContainsSubstring("node green-2: " + tree.at("overlays/node=green-2")) &&
                          ContainsSubstring("did you mean apply/auto?"));
  CHECK_THAT(ran.out,
             ContainsSubstring("node blue-2: fine") && ContainsSubstring("node green-1: fine"));
}

TEST_CASE("what a profile requires and a node has not is told with the file to create", "[fleet]") {
  FleetCopy tree;
  fs::remove(tree.at("overlays/node=green-1/inputs/NODE_ADDRESS"));
  tree.write("overlays/cluster=blue/members/blue-2/modes", "stack\n");
  tree.write("overlays/node=blue-2/inputs/CLIENT_PORT", "70000\n");

  const Ran ran = check_all(tree.path());

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring(
                          "node green-1: key inputs/NODE_ADDRESS: expected a value (Address at") &&
                          ContainsSubstring("create inputs/NODE_ADDRESS or "
                                            "overlays/node=green-1/inputs/NODE_ADDRESS"));
  CHECK_THAT(ran.err, ContainsSubstring("expected at most 65535"));
}

TEST_CASE("modes that the profile lacks, secrets that a machine must get, and JSON", "[fleet]") {
  TreeFiles package;
  package.write("profile.yaml", R"(apiVersion: infra.productive-k3s.io/v1
kind: Profile
metadata: { name: hello, version: "1.0" }
spec:
  scenario: { type: on-prem }
  engine: { type: shell }
  inputs:
    - { name: PASSWORD, required: true, sensitive: true, source: either }
    - { name: PIN, sensitive: true, source: either, type: int }
  modes:
    server: { steps: [{ id: hello, run: [bin/hello], inputs: [PASSWORD, PIN] }] }
)");
  package.write("bin/hello", "#!/bin/sh\n", 0755);
  TreeFiles tree;
  tree.write("node/modes", "single-node\n");
  tree.write("inputs/PIN", "1234\n");
  tree.write("secrets/PASWORD", "hunter2\n", 0600);

  const Ran ran = check(tree.path(), {"--node", "n1", "--profile", package.path()});
  const Ran json = check(tree.path(), {"--node", "n1", "--profile", package.path(), "--json"});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("expected modes that profile hello 1.0 has (server)") &&
                          ContainsSubstring("credential klubster.secrets.PASSWORD") &&
                          ContainsSubstring("found PASWORD (did you mean PASSWORD?)") &&
                          ContainsSubstring("expected it in secrets/"));
  CHECK(ran.err.find("hunter2") == std::string::npos);
  const Json findings = parse_json(json.out).value();
  CHECK((*findings.as_array())[0].text_or("reason") == "ModeMissing");
  CHECK((*findings.as_array())[0].items("errors").size() == 2);
}

TEST_CASE("a fleet that is given a package for another engine is told so", "[fleet]") {
  TreeFiles package;
  package.write("profile.yaml",
                "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
                "metadata: { name: moon, version: exported }\n"
                "spec:\n  engine: { type: terraform }\n"
                "  execution: { installScript: scripts/install.sh }\n");
  package.write("scripts/install.sh", "#!/bin/sh\n", 0755);
  TreeFiles tree;
  tree.write("node/modes", "single-node\n");

  const Ran ran = check(tree.path(), {"--node", "n1", "--profile", package.path()});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("klubster does not run engine terraform"));
}

TEST_CASE("a package that is none is told as klubster-unpack tells it", "[fleet]") {
  TreeFiles package;
  package.write("profile.yaml", "kind: Profil\n");

  const Ran bad = check(fleet(), {"--profile", package.path()});
  const Ran none = check(fleet(), {"--profile", package.at("none")});

  CHECK(bad.code == kExitFixInput);
  CHECK_THAT(bad.err, ContainsSubstring("profile.yaml") && ContainsSubstring("Profil"));
  CHECK(none.code == kExitFailed);
  CHECK_THAT(none.err, ContainsSubstring("No such file"));
}

TEST_CASE("without klubster-unpack, check says where it was looked for", "[fleet]") {
  TreeFiles empty;
  ::setenv("KLUBSTER_PROGRAM_DIR", empty.path().c_str(), 1);

  const Ran ran = klubster_command({"config", "check", "--root", fleet(), "--profile", profile()});

  ::unsetenv("KLUBSTER_PROGRAM_DIR");
  CHECK(ran.code == kExitFailed);
  CHECK_THAT(ran.err, ContainsSubstring(empty.path() + "/klubster-unpack") &&
                          ContainsSubstring("KLUBSTER_PROGRAM_DIR"));
}

TEST_CASE("config diff shows the keys whose values differ, side by side", "[fleet]") {
  const Ran text = klubster_command({"config", "diff", "blue-1", "blue-2", "--root", fleet()});
  const Ran origin =
      klubster_command({"config", "diff", "blue-1", "blue-2", "--root", fleet(), "--origin"});
  const Ran json =
      klubster_command({"config", "diff", "blue-1", "green-1", "--root", fleet(), "--json"});

  CHECK(text.code == kExitDone);
  CHECK_THAT(text.out, ContainsSubstring("inputs/NODE_ADDRESS") && ContainsSubstring("10.1.0.11") &&
                           ContainsSubstring("10.1.0.12") && ContainsSubstring("node/modes"));
  CHECK(text.out.find("cluster/name") == std::string::npos);
  CHECK_THAT(origin.out, ContainsSubstring(fleet() + "/overlays/mode=agent/recovery/attempts"));
  const Json list = parse_json(json.out).value();
  bool found = false;
  for (const auto& entry : *list.as_array()) {
    if (entry.text_or("key") != "cluster/name") continue;
    found = true;
    CHECK(entry.get("blue-1").text_or("value") == "blue");
    CHECK(entry.get("green-1").text_or("value") == "green");
    CHECK(entry.get("green-1").integer_or("layer") == 3);
  }
  CHECK(found);
}

TEST_CASE("config diff hides secrets, but says that they differ", "[fleet]") {
  TreeFiles tree;
  tree.write("secrets/SAME", "hunter2\n", 0600);
  tree.write("overlays/node=n1/secrets/OTHER", "hunter3\n", 0600);
  tree.write("overlays/node=n2/secrets/OTHER", "hunter4\n", 0600);
  tree.write("overlays/node=n2/apply/auto", "false\n");

  const Ran ran = klubster_command({"config", "diff", "n1", "n2", "--root", tree.path()});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.out,
             ContainsSubstring("secrets/OTHER  (secret)") && ContainsSubstring("true (default)"));
  CHECK(ran.out.find("SAME") == std::string::npos);
  CHECK(ran.out.find("hunter") == std::string::npos);
}

TEST_CASE("config diff names the node that was probably meant", "[fleet]") {
  const Ran ran = klubster_command({"config", "diff", "blue-1", "gren-1", "--root", fleet()});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("did you mean green-1?"));
}
