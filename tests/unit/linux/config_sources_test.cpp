// Credentials, kernel parameters, location variables and match/, laid over a real tree.
#include "linux/config_sources.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "linux/config_tree.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
namespace fs = std::filesystem;

namespace {

class Machine : public TreeFiles {
 public:
  Machine() {
    sources.roots = {{kLayerSystem, path() + "/etc"}};
    sources.hostname = "host";
    sources.credentials = path() + "/credentials";
    fs::create_directories(path() + "/credentials");
  }
  // Says where it wrote.
  std::string write(const std::string& name, const std::string& content, int mode = 0644) const {
    TreeFiles::write(name, content, mode);
    return at(name);
  }
  MergedTree read() const { return read_config_tree(sources); }
  Setting setting(const std::string& key) const {
    const auto tree = read();
    const auto found = tree.settings.find(key);
    return found == tree.settings.end() ? Setting{"(none)", {}, {}} : found->second;
  }
  std::string errors() const {
    std::string text;
    for (const auto& error : read().errors)
      text += error.text() + "\n";
    return text;
  }

  ConfigSources sources;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("credential, kernel parameter and location file beat one another in this order",
          "[config-sources]") {
  Machine machine;
  const auto etc = machine.write("etc/node/modes", "agent\n");
  CHECK(machine.setting("node/modes").origin == Origin{kLayerSystem, etc});

  const auto credential = machine.write("credentials/klubster.node.modes", "server", 0400);
  CHECK(machine.setting("node/modes").value == "server");
  CHECK(machine.setting("node/modes").origin == Origin{kLayerCredential, credential});

  machine.sources.kernel_words = {"quiet", "klubster.node.modes=server stack", "klubster.media=1"};
  CHECK(machine.setting("node/modes").value == "server stack");
  CHECK(machine.setting("node/modes").origin == Origin{kLayerKernel, "kernel command line"});

  const auto moved = machine.write("srv/modes", "stack\n");
  machine.sources.locations = {{"KLUBSTER_NODE_MODES_FILE", moved}};
  const auto setting = machine.setting("node/modes");
  CHECK(setting.value == "stack");
  CHECK(setting.origin == Origin{kLayerLocation, moved});
  REQUIRE(setting.shadowed.size() == 3);
  CHECK(setting.shadowed[0].value == "server stack");
  CHECK(setting.shadowed[1].value == "server");
  CHECK(setting.shadowed[2].value == "agent");
  CHECK(machine.errors().empty());
}

TEST_CASE("a location variable overrides its value and nothing else", "[config-sources]") {
  Machine machine;
  machine.write("etc/node/modes", "agent");
  machine.write("etc/inputs/DOMAIN", "example.org");
  const auto before = machine.read().settings;

  machine.sources.locations = {{"KLUBSTER_NODE_MODES_FILE", machine.write("modes", "stack")}};
  auto after = machine.read().settings;

  CHECK(after.at("node/modes").value == "stack");
  after.at("node/modes") = before.at("node/modes");
  CHECK(after == before);
}

TEST_CASE("open-ended keys come as credentials, with dots in their names", "[config-sources]") {
  Machine machine;
  machine.write("credentials/klubster.inputs.DOMAIN", "example.org\n", 0400);
  machine.write("credentials/klubster.members.n1.modes", "server", 0400);
  machine.write("credentials/klubster.profile.mirrors.d.10-near", "https://near/p.tgz", 0400);
  machine.write("credentials/something.else", "x", 0400);

  const auto tree = machine.read();

  CHECK(tree.errors.empty());
  CHECK(tree.settings.at("inputs/DOMAIN").value == "example.org");
  CHECK(tree.settings.at("members/n1/modes").value == "server");
  CHECK(tree.settings.at("profile/mirrors.d/10-near").value == "https://near/p.tgz");
  CHECK(tree.settings.size() == 3);
}

TEST_CASE("a secret is refused on the kernel command line and never shown", "[config-sources]") {
  Machine machine;
  machine.sources.kernel_words = {"klubster.secrets.PASSWORD=hunter2"};

  const auto tree = machine.read();

  CHECK(tree.settings.empty());
  const auto errors = machine.errors();
  CHECK(has(errors, "kernel command line: key secrets/PASSWORD: expected"));
  CHECK(has(errors, "klubster.secrets.PASSWORD"));
  CHECK_FALSE(has(errors, "hunter2"));
}

TEST_CASE("what is misspelt in the upper layers is told with what was meant", "[config-sources]") {
  Machine machine;
  machine.write("credentials/klubster.node.mode", "agent", 0400);
  machine.write("credentials/klubster.inputs.BYTES", std::string("a\0b", 3), 0400);
  machine.sources.kernel_words = {"klubster.profile.ulr=https://e/p.tgz", "klubster.apply.auto",
                                  "klubster.apply.auto=maybe"};
  machine.sources.locations = {{"KLUBSTER_NODE_MODE_FILE", "/x"},
                               {"KLUBSTER_PROFILE_URL_FILE", "relative"},
                               {"KLUBSTER_PROFILE_CA_FILE", machine.path() + "/none"},
                               {"KLUBSTER_CLUSTER_TOKEN_FILE", machine.path()}};

  const auto errors = machine.errors();

  CAPTURE(errors);
  CHECK(has(errors, "did you mean klubster.node.modes?"));
  CHECK(has(errors, "did you mean klubster.profile.url?"));
  CHECK(has(errors, "key inputs/BYTES: expected text, found a NUL byte"));
  CHECK(has(errors, "key apply/auto: expected true or false, found `maybe`"));
  CHECK(has(errors,
            "$KLUBSTER_NODE_MODE_FILE: expected the variable of a fixed key (did you mean "
            "KLUBSTER_NODE_MODES_FILE?)"));
  CHECK(has(errors, "key profile/url: expected the absolute path of a file, found `relative`"));
  CHECK(has(errors, "none: expected a file, found nothing"));
  CHECK(has(errors, "expected a regular file, found a directory"));
  CHECK(machine.read().errors.size() == 8);
}

TEST_CASE("a secret that others can read is refused wherever it lies", "[config-sources]") {
  Machine machine;
  const std::string token = make_token();
  machine.write("etc/cluster/token", token, 0644);
  machine.write("etc/overlays/node=host/secrets/ONE", "1", 0604);
  machine.write("etc/overlays/node=other/secrets/TWO", "2", 0644);
  machine.write("etc/secrets/GOOD", "3", 0640);
  machine.write("etc/inputs/OPEN", "4", 0644);
  machine.sources.locations = {
      {"KLUBSTER_CLUSTER_TOKEN_FILE", machine.write("moved", token, 0666)}};

  const auto errors = machine.errors();

  CAPTURE(errors);
  CHECK(has(errors,
            "etc/cluster/token: key cluster/token: expected a secret that only its owner "
            "can read, found mode 0644 (mend with: chmod 600)"));
  CHECK(has(errors, "secrets/ONE"));
  CHECK(has(errors, "found mode 0666"));
  CHECK(machine.read().errors.size() == 3);
  CHECK_FALSE(has(errors, token));
}

TEST_CASE("the machine's node is the one whose match/ fits", "[config-sources]") {
  Machine machine;
  machine.write("etc/overlays/node=n1/match/mac", "52:54:00:00:00:01\n");
  machine.write("etc/overlays/node=n2/match/mac", "52-54-00-AA-00-02 52:54:00:aa:00:03\n");
  machine.write("etc/overlays/node=n3/match/serial", "Default string\nSN 7\n");
  machine.write("etc/overlays/node=n4/match/machine-id", "0123456789abcdef0123456789abcdef");
  machine.write("etc/overlays/node=n4/match/serial", "SN 8");
  Hardware hardware;
  SECTION("by one of several addresses") {
    hardware.macs = {"02:00:00:00:00:00", "52:54:00:aa:00:03"};
    machine.sources.hardware = hardware;
    CHECK(machine.read().node == "n2");
    CHECK(machine.read().node_from == NodeNameFrom::kMatch);
    CHECK(make_node_config(machine.read())->set_hostname);
    machine.write("etc/node/set-hostname", "false");
    CHECK_FALSE(make_node_config(machine.read())->set_hostname);
  }
  SECTION("by serial") {
    hardware.serial = "SN 7";
    machine.sources.hardware = hardware;
    CHECK(machine.read().node == "n3");
  }
  SECTION("all files of a node must fit") {
    hardware.machine_id = "0123456789abcdef0123456789abcdef";
    machine.sources.hardware = hardware;
    CHECK(machine.read().node_from == NodeNameFrom::kHostname);
    hardware.serial = "SN 8";
    machine.sources.hardware = hardware;
    CHECK(machine.read().node == "n4");
  }
  SECTION("two that fit are an error that names both") {
    hardware.macs = {"52:54:00:00:00:01"};
    hardware.serial = "SN 7";
    machine.sources.hardware = hardware;
    const auto errors = machine.errors();
    CAPTURE(errors);
    CHECK(has(errors, "expected one node whose match/ fits this machine, found 2: n1, n3 ("));
    CHECK(has(errors, "etc/overlays/node=n1/match/mac, "));
  }
  SECTION("none that fits is an error, unless the hostname is a node without match/") {
    hardware.macs = {"02:00:00:00:00:09"};
    hardware.serial = "confidential";
    machine.sources.hardware = hardware;
    const auto errors = machine.errors();
    CAPTURE(errors);
    CHECK(has(errors, "found none among n1, n2, n3, n4"));
    CHECK(has(errors, "02:00:00:00:00:09"));
    CHECK_FALSE(has(errors, "confidential"));
    machine.write("etc/overlays/node=host/node/modes", "agent");
    CHECK(machine.errors().empty());
    machine.sources.hostname = "n1";
    CHECK(has(machine.errors(), "found none among"));
  }
  SECTION("a name that is written down needs no match") {
    machine.sources.hardware = hardware;
    machine.write("etc/node/name", "n9");
    CHECK(machine.read().node == "n9");
    CHECK(machine.errors().empty());
  }
  SECTION("match/ of another tree than the machine's own is not looked at") {
    CHECK(machine.read().node_from == NodeNameFrom::kHostname);
    CHECK(machine.errors().empty());
  }
  SECTION("malformed match files are told to everybody") {
    machine.write("etc/overlays/node=n5/match/mac", "52:54:00:00:01");
    machine.write("etc/overlays/node=n5/match/serial", "");
    machine.write("etc/overlays/node=n5/match/machine-id", "xyz");
    machine.write("etc/overlays/node=n5/match/uuid", "1");
    machine.sources.node = "n1";
    const auto errors = machine.errors();
    CAPTURE(errors);
    CHECK(has(errors, "key match/mac: expected MAC addresses such as"));
    CHECK(has(errors, "key match/serial: expected what names the machine, found an empty file"));
    CHECK(has(errors, "key match/machine-id: expected a machine id"));
    CHECK(has(errors, "expected match/mac, match/serial or match/machine-id, found match/uuid"));
  }
}

TEST_CASE("a higher layer moves or takes away a match", "[config-sources]") {
  Machine machine;
  machine.sources.roots.push_back({kLayerMachine, machine.path() + "/var"});
  machine.write("etc/overlays/node=n1/match/mac", "52:54:00:00:00:01");
  machine.write("etc/overlays/node=n2/match/mac", "52:54:00:00:00:02");
  machine.sources.hardware = Hardware{"", "", "", "", {"52:54:00:00:00:01"}};
  CHECK(machine.read().node == "n1");

  machine.write("var/overlays/node=n1/match/mac.unset", "");
  machine.write("var/overlays/node=n2/match/mac", "52:54:00:00:00:01");

  CHECK(machine.read().node == "n2");
}

TEST_CASE("the kernel command line can be another file, for tests", "[config-sources]") {
  Machine machine;
  const auto file = machine.write("line", "quiet \"klubster.node.modes=server stack\"\n");
  ::setenv("KLUBSTER_PROC_CMDLINE", file.c_str(), 1);
  CHECK(kernel_command_line() ==
        std::vector<std::string>{"quiet", "klubster.node.modes=server stack"});
  ::unsetenv("KLUBSTER_PROC_CMDLINE");
}

TEST_CASE("a fleet's tree on a laptop may lack its secrets", "[config-sources]") {
  Machine machine;
  machine.write("etc/members/n1/modes", "server");
  machine.write("etc/members/n2/modes", "agent");
  auto sources = fleet_config_sources({machine.path() + "/etc"});
  sources.node = "n1";

  const auto config = resolve_config(sources);

  REQUIRE(config);
  REQUIRE(config->warnings.size() == 1);
  CHECK(has(config->warnings[0], "klubster.cluster.token"));
  machine.sources.node = "n1";
  CHECK_FALSE(resolve_config(machine.sources));
}
