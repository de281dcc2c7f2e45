// Packages in the form that productive-k3s-infra publishes: made here, with its members and keys.
#include <fcntl.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/unpack/verb_run.h"
#include "unpack/minisign.h"

using namespace klubster;

namespace {

struct Shape {
  const char* name;
  const char* scenario;
  const char* engine;
  const char* directory;  // below scenarios/
  const char* category;
  const char* source;  // of its inputs
  std::vector<std::string> inputs;
};

std::string manifest_of(const Shape& shape) {
  std::string text = "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\nmetadata:\n  name: " +
                     std::string(shape.name) +
                     "\n  version: exported\n  category: " + shape.category +
                     "\nspec:\n  scenario:\n    type: " + shape.scenario +
                     "\n  engine:\n    type: " + shape.engine +
                     "\n  execution:\n    installScript: scripts/install.sh\n";
  // The exporter copies the sidecar's list as it stands, which is at column 0.
  text += "inputs:\n";
  for (const auto& input : shape.inputs) {
    text += "  - name: " + input +
            "\n    required: true\n    sensitive: false\n    source: " + shape.source +
            "\n    description: \"What " + input + " is\"\n";
  }
  return text;
}

std::string environment_of(const Shape& shape) {
  std::string text = "PK3S_INFRA_PROFILE_NAME=" + std::string(shape.name) +
                     "\nPK3S_INFRA_SCENARIO=" + shape.scenario +
                     "\nPK3S_INFRA_ENGINE=" + shape.engine + "\n\n# Machines\n";
  for (const auto& input : shape.inputs)
    text += input + "=\"a b\"\n";
  return text + "PRODUCTIVE_K3S_SOURCE=remote\nPRODUCTIVE_K3S_VERSION=0.9.4\n";
}

// A gzip tar of ".", by tar itself, so that every member begins with "./".
struct UpstreamPackage {
  TempDir directory;
  std::string tree = directory / "tree";
  std::string file = directory / "package.tgz";

  explicit UpstreamPackage(const Shape& shape) {
    const std::string scenario = tree + "/scenarios/" + shape.directory;
    write_text(tree + "/profile.yaml", manifest_of(shape));
    write_text(tree + "/profile.env", environment_of(shape));
    write_text(tree + "/scripts/install.sh", "#!/usr/bin/env bash\nexec make -C scenario up\n");
    std::filesystem::permissions(tree + "/scripts/install.sh", std::filesystem::perms(0755));
    write_text(scenario + "/Makefile", "up down status validate:\n\t@echo $@\n");
    write_text(scenario + "/scripts/common.sh", "true\n");
    pack();
  }
  void pack() const {
    const std::string command = "tar -C " + tree + " -czf " + file + " .";
    REQUIRE(std::system(command.c_str()) == 0);
  }
};

const Shape kOnPrem = {"on-prem-basic",
                       "onprem-basic",
                       "ansible",
                       "edge/onprem-basic",
                       "edge",
                       "local-override",
                       {"ONPREM_SERVER_IP", "ONPREM_AGENT_IPS", "ONPREM_SSH_KEY_PATH"}};

}  // namespace

TEST_CASE("packages in upstream's form validate, inspect and verify without a word of complaint",
          "[upstream]") {
  const Shape shape = GENERATE(Shape{"multipass-1-server-2-agents",
                                     "multipass",
                                     "opentofu",
                                     "local/multipass",
                                     "local",
                                     "package-default",
                                     {"TF_VAR_cluster_name", "TF_VAR_image", "TF_VAR_base_domain"}},
                               kOnPrem,
                               Shape{"on-prem-arm",
                                     "onprem-basic-arm",
                                     "shell",
                                     "edge/onprem-basic-arm",
                                     "edge",
                                     "either",
                                     {"ONPREM_SERVER_IP", "ONPREM_SSH_KEY_PATH"}},
                               Shape{"aws-single-node-basic",
                                     "aws-single-node",
                                     "opentofu",
                                     "cloud/aws-single-node",
                                     "cloud",
                                     "package-default",
                                     {"AWS_REGION", "AWS_KEY_PAIR_NAME"}});
  const UpstreamPackage package(shape);

  const auto valid = run_verb({"validate", package.file});
  const auto shown = run_verb({"inspect", package.file});
  const auto proven =
      run_verb({"verify", package.file, "--sha256", sha256_hex(file_text(package.file))});

  INFO(valid.err << shown.err << proven.err);
  CHECK(valid.code == 0);
  CHECK(valid.out == package.file + ": " + shape.name + " exported is a valid profile\n");
  const bool overridden = std::string(shape.source) == "local-override";
  CHECK(valid.err.empty() != overridden);  // a default that is never used draws a warning
  CHECK(shown.code == 0);
  CHECK(shown.out.find("Engine      " + std::string(shape.engine) + "\n") != std::string::npos);
  // What a node in each mode would run.
  for (const char* words : {"Modes, through productive-k3s Core\n  server\n", "\n  stack\n",
                            "\n  agent\n", "\n  single-node\n", "waits for all agent Ready"}) {
    CHECK(shown.out.find(words) != std::string::npos);
  }
  for (const auto& input : shape.inputs)
    CHECK(shown.out.find("  " + input + " (string, required") != std::string::npos);
  CHECK(proven.code == 0);
  CHECK(run_verb({"graph", package.file}).code == 0);
  CHECK(run_verb({"diff", package.file, package.tree}).out.empty());
}

TEST_CASE("a package in upstream's form is signed and verified by its key", "[upstream]") {
  const UpstreamPackage package(kOnPrem);
  const auto pair = Ed25519Key::generate();
  const std::string raw = "Ed" + std::string("\0\0", 2) + "B2" + std::string(48, '\0') +
                          "12345678" + pair.seed() + pair.public_key() + std::string(32, 'c');
  const std::string key = package.directory / "key";
  write_text(key, "untrusted comment: key\n" + to_base64(raw) + "\n");
  REQUIRE(run_verb({"sign", package.file, key, "--seq", "3"}).code == 0);

  const auto line = to_base64("Ed12345678" + pair.public_key());
  const auto proven = run_verb({"verify", package.file, "--key", line});
  INFO(proven.err);
  CHECK(proven.code == 0);
  CHECK(proven.out.find("on-prem-basic exported") != std::string::npos);
}

TEST_CASE("engines and scenarios that nobody knows are told with their place", "[upstream]") {
  Shape shape = kOnPrem;
  shape.engine = "terraform";
  shape.scenario = "moon-base";
  shape.source = "either";
  const UpstreamPackage package(shape);

  const auto valid = run_verb({"validate", package.file});

  CHECK(valid.code == 0);
  CHECK(valid.err.find("warning: profile.yaml:11:11: spec.engine.type: \"terraform\" is none of "
                       "shell, ansible, opentofu") != std::string::npos);
  CHECK(
      valid.err.find("warning: profile.yaml:9:11: spec.scenario.type: \"moon-base\" is none of") !=
      std::string::npos);
  const auto shown = run_verb({"inspect", package.file, "--json"});
  const auto json = parse_json(shown.out);
  REQUIRE(json);
  CHECK(json->get("profile").text_or("engine") == "terraform");
  CHECK(json->get("profile").items("warnings").size() == 2);
}

TEST_CASE("mistakes in inputs at column 0 come with the place and number that they have there",
          "[upstream]") {
  const UpstreamPackage package(kOnPrem);
  write_text(package.tree + "/profile.yaml",
             "apiVersion: infra.productive-k3s.io/v1\n"
             "kind: Profile\n"
             "metadata: { name: ../../evil, version: 1.0 }\n"
             "spec:\n"
             "  execution: { installScript: ../install.sh }\n"
             "  inputs:\n"
             "    - { name: FIRST }\n"
             "inputs:\n"
             "  - name: LD_PRELOAD\n"  // line 9
             "    required: yes\n"
             "  - SECOND\n"
             "  - { name: THIRD, source: nowhere }\n"
             "  - { name: FIRST }\n"
             "  - { required: true }\n");
  package.pack();

  const auto result = run_verb({"validate", package.file});

  CHECK(result.code == 78);
  const auto lines = split(trim(result.err), '\n');
  const std::vector<std::string> expected = {
      "profile.yaml:3:19: metadata.name: expected letters, digits and",
      "profile.yaml:5:31: spec.execution.installScript: expected a path inside the package",
      "profile.yaml:9:11: inputs[0].name: expected a name that may reach a step",
      "profile.yaml:10:15: inputs[0].required: expected true or false, found \"yes\"",
      "profile.yaml:11:5: inputs[1]: expected a mapping, found \"SECOND\"",
      "profile.yaml:12:28: inputs[2].source: expected one of package-default",
      "profile.yaml:13:13: inputs[3].name: expected a name that stands once, found \"FIRST\" again",
      "profile.yaml:14:5: inputs[4].name: expected a text, found nothing"};
  INFO(result.err);
  REQUIRE(lines.size() >= expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(expected[i]);
    CHECK(std::string(lines[i]).find(expected[i]) != std::string::npos);
  }
  CHECK(lines.size() == expected.size() + 1);  // and what to do next
}
