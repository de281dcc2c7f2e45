// Manifests: what they mean, and all their mistakes at once.
#include "unpack/manifest.h"

#include "base/text.h"
#include "tests/unit/catch.h"
#include "unpack/profile_env.h"

using namespace klubster;

namespace {

PackageFiles package_files() {
  PackageFiles files;
  for (const char* path : {"bin/run", "bin/ready", "bin/check", "lib/data", "scripts/install.sh"}) {
    files[path] = {true, 1, std::string(64, 'a')};
  }
  files["lib/data"].executable = false;
  files["profile.yaml"] = {false, 1, std::string(64, 'b')};
  return files;
}

Result<Profile> read(const std::string& yaml, std::optional<std::string> env = {}) {
  return read_manifest({yaml, std::move(env)}, package_files());
}

std::string with_spec(const std::string& spec) {
  return "apiVersion: infra.productive-k3s.io/v1\n"  // line 1
         "kind: Profile\n"
         "metadata: { name: demo, version: 1.0 }\n"
         "spec:\n" +  // line 4
         spec;
}

std::string with_step(const std::string& keys) {
  return with_spec(
      "  modes:\n    server:\n      steps:\n        - id: one\n          run: [bin/run]\n" +
      keys);  // from line 10
}

std::string mistakes_of(const Result<Profile>& result) {
  return result ? "none" : result.error().message();
}

bool has_line(const Result<Profile>& result, const std::string& expected) {
  for (const auto& line : split(mistakes_of(result), '\n')) {
    if (line.starts_with(expected)) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a published package has an install script and no modes", "[manifest]") {
  const auto profile = read(
      "apiVersion: infra.productive-k3s.io/v1\n"
      "kind: Profile\n"
      "metadata:\n  name: multipass-1-server-2-agents\n  version: exported  # a comment\n"
      "  category: local\n"
      "spec:\n"
      "  scenario:\n    type: multipass\n"
      "  engine:\n    type: opentofu # a comment\n"
      "  execution:\n    installScript: scripts/install.sh\n"
      "inputs:\n"
      "  - name: TF_VAR_cluster_name\n    required: true\n    sensitive: false\n"
      "    source: package-default\n    description: \"Name of the cluster\"\n",
      "PK3S_INFRA_PROFILE_NAME=x\nTF_VAR_cluster_name=productive\n");
  INFO(mistakes_of(profile));
  REQUIRE(profile);
  CHECK(profile->engine == "opentofu");
  CHECK(profile->version == "exported");
  REQUIRE(profile->inputs.size() == 2);  // what profile.env has and the manifest does not list
  CHECK(profile->inputs[0].default_value == "productive");
  CHECK(profile->inputs[1].name == "PK3S_INFRA_PROFILE_NAME");
  CHECK_FALSE(profile->inputs[1].required);
  CHECK(profile->warnings.empty());
  CHECK(profile_from_json(to_json(*profile)));
}

TEST_CASE("every default of a step is filled in", "[manifest]") {
  const auto profile =
      read(with_spec("  inputs: [ { name: NAME, source: either } ]\n"
                     "  modes:\n"
                     "    server:\n"
                     "      steps:\n"
                     "        - { id: one, run: [bin/run], check: [bin/check] }\n"
                     "        - { id: two, run: [/usr/bin/true] }\n"
                     "        - { id: three, run: [bin/run], after: [], files: [lib] }\n"
                     "        - { id: four, startUnit: etcd.service }\n"
                     "  commands:\n"
                     "    validate:\n"
                     "      run: [bin/check]\n"
                     "      needs: [ { peers: { phase: agent } } ]\n"
                     "      when: { input: NAME, is: here }\n"));
  INFO(mistakes_of(profile));
  REQUIRE(profile);
  const auto& steps = profile->modes.at("server");
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].after.empty());
  CHECK(steps[0].idempotent);
  CHECK(steps[0].timeout_usec == 900'000'000);
  CHECK(steps[0].files == std::vector<std::string>{"bin"});
  CHECK(steps[0].files_digest == files_digest(package_files(), {"bin"}));
  CHECK(steps[1].after == std::vector<std::string>{"one"});
  CHECK_FALSE(steps[1].idempotent);
  CHECK(steps[1].files.empty());
  CHECK(steps[2].after.empty());
  CHECK(steps[2].files == std::vector<std::string>{"lib"});
  CHECK(steps[3].kind == StepKind::kService);
  CHECK(steps[3].after == std::vector<std::string>{"three"});
  const StepSpec& validate = profile->commands.at("validate");
  CHECK(validate.id == "validate");
  CHECK(validate.needs.size() == 1);
  CHECK(validate.when_input == "NAME");
}

TEST_CASE("a core step stands beside nothing but its order", "[manifest]") {
  const std::string head = "  modes:\n    server:\n      steps:\n";  // to line 7
  const auto profile = read(with_spec(
      head +
      "        - { id: one, run: [bin/run] }\n"
      "        - { id: k3s, core: { mode: server }, needs: [ { peers: { phase: agent } } ] }\n"
      "        - { id: two, run: [bin/run] }\n"));
  INFO(mistakes_of(profile));
  REQUIRE(profile);
  const auto& steps = profile->modes.at("server");
  CHECK(steps[1].core_mode == "server");
  CHECK(steps[1].run.empty());
  CHECK(steps[1].after == std::vector<std::string>{"one"});
  CHECK(steps[1].needs.size() == 1);
  CHECK(steps[2].after == std::vector<std::string>{"k3s"});

  const auto wrong = read(with_spec(head + "        - { id: one, core: { mode: agent } }\n"
                                           "        - id: two\n"
                                           "          core: { mode: server, engine: k3sup }\n"
                                           "          run: [bin/run]\n"
                                           "          timeout: 5m\n"));
  INFO(mistakes_of(wrong));
  CHECK(has_line(wrong,
                 "profile.yaml:8:36: spec.modes.server.steps[0].core.mode: expected the "
                 "phase's own mode server, found \"agent\""));
  CHECK(has_line(wrong, "profile.yaml:10:33: "));
  CHECK(has_line(wrong,
                 "profile.yaml:11:16: spec.modes.server.steps[1].run: expected nothing but "
                 "id, needs and after beside core"));
  CHECK(
      has_line(wrong, "profile.yaml:12:20: spec.modes.server.steps[1].timeout: expected nothing"));
}

TEST_CASE("all keys of a step are read", "[manifest]") {
  const auto profile = read(with_spec(
      "  compatibility: { requires: { klubster: \">=1\", core: 0.9.5 } }\n"
      "  inputs:\n"
      "    - { name: SERVER_URL, from: peer, type: url }\n"
      "    - { name: FEATURE, type: enum, values: [\"on\", \"off\"] }\n"
      "  modes:\n"
      "    agent:\n"
      "      steps:\n"
      "        - id: etcd\n"
      "          kind: service\n"
      "          run: [bin/run, --flag]\n"
      "          unit: { Type: notify, Delegate: true, LimitNOFILE: 64K, TimeoutStopSec: 30s }\n"
      "          unitName: etcd.service\n"
      "          user: etcd\n"
      "          ready: { run: [bin/ready], interval: 1s, timeout: 1m30s }\n"
      "          needs: [ { peers: { phase: server, condition: Ready, count: 2 } } ]\n"
      "          inputs: [SERVER_URL]\n"
      "          outputs: [ { name: TOKEN, share: cluster, sensitive: true } ]\n"
      "          undo: [bin/check]\n"
      "          timeout: 10m\n"
      "          retry: { attempts: 3, backoff: 1s, maxBackoff: 1m }\n"
      "          successCodes: [0, 3]\n"
      "          rebootCodes: []\n"
      "          limits: { memory: 512M, cpu: 50%, tasks: 256 }\n"
      "          when: { input: FEATURE, is: \"on\" }\n"));
  INFO(mistakes_of(profile));
  REQUIRE(profile);
  const auto& step = profile->modes.at("agent")[0];
  CHECK(step.unit.at("LimitNOFILE") == Json(65536));
  CHECK(step.unit.at("TimeoutStopSec") == Json(30'000'000));
  CHECK(step.ready.timeout_usec == 90'000'000);
  CHECK(step.needs[0].count == "2");
  CHECK(step.outputs[0].share);
  CHECK(step.retry.attempts == 3);
  CHECK(step.success_codes == std::vector<int>{0, 3});
  CHECK(step.reboot_codes.empty());
  CHECK(step.limits.memory_bytes == 512ULL << 20);
  CHECK(step.limits.cpu_percent == 50);
  CHECK(step.when_is == "on");
  CHECK(profile_from_json(to_json(*profile)));
}

TEST_CASE("all mistakes come at once, each with its line and column", "[manifest]") {
  const auto result = read(
      "apiVersion: infra.productive-k3s.io/v2\n"
      "kind: Profile\n"
      "metadata: { name: demo, version: 1.0, name: again }\n"
      "spec:\n"
      "  inptus: []\n"
      "  modes:\n"
      "    server:\n"
      "      steps:\n"
      "        - id: one\n"
      "          run: [bin/rum]\n"
      "          timeout: soon\n"
      "          after: [two]\n"
      "          unit: { Restart: always }\n"
      "        - id: two\n"
      "          run: lib/data\n"
      "    boss:\n"
      "      steps: []\n");
  REQUIRE_FALSE(result);
  INFO(mistakes_of(result));
  CHECK(result.error().reason() == "ManifestInvalid");
  CHECK(has_line(result,
                 "profile.yaml:1:13: apiVersion: expected infra.productive-k3s.io/v1, found"));
  CHECK(has_line(result, "profile.yaml:3:39: metadata.name: expected each key once"));
  CHECK(has_line(result, "profile.yaml:5:3: spec.inptus: unknown key, did you mean inputs?"));
  CHECK(has_line(result,
                 "profile.yaml:10:17: spec.modes.server.steps[0].run[0]: expected a file "
                 "of the package or an absolute path, found \"bin/rum\", did you mean "
                 "bin/run?"));
  CHECK(has_line(result,
                 "profile.yaml:11:20: spec.modes.server.steps[0].timeout: expected a "
                 "duration such as 90s or 5m, found \"soon\""));
  CHECK(has_line(result,
                 "profile.yaml:12:18: spec.modes.server.steps[0].after: expected an order "
                 "without cycles"));
  CHECK(has_line(result,
                 "profile.yaml:13:28: spec.modes.server.steps[0].unit.Restart: expected a "
                 "property that a manifest may set"));
  CHECK(has_line(result,
                 "profile.yaml:15:16: spec.modes.server.steps[1].run: expected a list of "
                 "texts, found \"lib/data\""));
  CHECK(has_line(result, "profile.yaml:16:5: spec.modes.boss: unknown key, expected one of"));
}

TEST_CASE("a wrong value is told with what was expected", "[manifest]") {
  struct Case {
    const char* keys;
    const char* expected;
  };
  const auto one = GENERATE(
      Case{"          kind: daemon\n",
           "profile.yaml:10:17: spec.modes.server.steps[0].kind: "
           "expected one of task, service, found \"daemon\""},
      Case{"          idempotent: yes\n",
           "profile.yaml:10:23: spec.modes.server.steps[0].idempotent"
           ": expected true or false, found \"yes\""},
      Case{"          idempotent: \"true\"\n",
           "profile.yaml:10:23: spec.modes.server.steps[0].idempotent: expected true or false"},
      Case{"          needs: [ {} ]\n",
           "profile.yaml:10:20: spec.modes.server.steps[0].needs[0].peers: expected which peers"},
      Case{"          needs: [ { peers: { phase: boss } } ]\n",
           "profile.yaml:10:38: spec.modes.server.steps[0].needs[0].peers.phase: expected server"},
      Case{"          inputs: [NOPE]\n",
           "profile.yaml:10:20: spec.modes.server.steps[0].inputs[0]: expected an input of "
           "spec.inputs, found \"NOPE\""},
      Case{"          outputs: [ { name: PATH } ]\n",
           "profile.yaml:10:30: spec.modes.server.steps[0].outputs[0].name: expected a variable"},
      Case{"          limits: { cpu: half }\n",
           "profile.yaml:10:26: spec.modes.server.steps[0].limits.cpu: expected a share such as"},
      Case{"          retry: { attempts: 0 }\n",
           "profile.yaml:10:30: spec.modes.server.steps[0].retry.attempts: expected 1 to"},
      Case{"          files: [nowhere]\n",
           "profile.yaml:10:19: spec.modes.server.steps[0].files[0]: expected a file or directory"},
      Case{"          check: [lib/data]\n",
           "profile.yaml:10:18: spec.modes.server.steps[0].check: expected an executable file"},
      Case{"          undo: [../../bin/sh]\n",
           "profile.yaml:10:18: spec.modes.server.steps[0].undo[0]: expected an absolute path or a "
           "path inside the package"},
      Case{"          successCodes: [256]\n",
           "profile.yaml:10:25: spec.modes.server.steps[0].successCodes: expected exit codes"},
      Case{"          Run: [bin/run]\n",
           "profile.yaml:10:11: spec.modes.server.steps[0].Run: unknown key, did you mean run?"});
  const auto result = read(with_step(one.keys));
  INFO(mistakes_of(result));
  CHECK(has_line(result, one.expected));
  CHECK(split(mistakes_of(result), '\n').size() == 1);
}

TEST_CASE("YAML that is not what it seems is refused", "[manifest]") {
  SECTION("no YAML") {
    CHECK(has_line(read("a: [1, 2\nb: }"), "profile.yaml:"));
  }
  SECTION("empty") {
    CHECK(has_line(read(""), "profile.yaml:1:1: the document is empty"));
  }
  SECTION("a list") {
    CHECK(has_line(read("- a\n"), "profile.yaml:1:1: expected a mapping, found a list"));
  }
  SECTION("two documents") {
    CHECK_FALSE(read("---\na: 1\n---\nb: 2\n"));
  }
  SECTION("not UTF-8") {
    CHECK_FALSE(read("a: \xff\n"));
  }
  SECTION("a tag") {
    CHECK_FALSE(read("a: !!python/object x\n"));
  }
  SECTION("deep") {
    CHECK_FALSE(read(std::string(100, '[') + std::string(100, ']')));
  }
  SECTION("very deep") {
    CHECK_FALSE(read(std::string(100'000, '[')));
  }
  SECTION("large") {
    CHECK_FALSE(read("a: " + std::string(300 * 1024, 'x')));
  }
  SECTION("an alias bomb") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
      const std::string before = "*a" + std::to_string(i - 1);
      bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
      for (int j = 0; j < 9; ++j)
        bomb += before + ", ";
      bomb += before + "]\n";
    }
    const auto result = read(bomb);
    REQUIRE_FALSE(result);
    CHECK(mistakes_of(result).find("aliases expand to too many values") != std::string::npos);
  }
  SECTION("an alias inside of itself") {
    CHECK_FALSE(read("a: &a [ *a ]\n"));
  }
}

TEST_CASE("a harmless alias is what it names", "[manifest]") {
  CHECK(
      read(with_spec("  modes:\n    server:\n      steps:\n"
                     "        - { id: one, run: &program [bin/run], undo: *program }\n")));
}

TEST_CASE("a manifest that needs a newer klubster says only that", "[manifest]") {
  const auto result =
      read(with_spec("  compatibility: { requires: { klubster: \">=2\" } }\n"
                     "  something-new: true\n"));
  REQUIRE_FALSE(result);
  CHECK(result.error().reason() == "KlubsterTooOld");
  CHECK(result.error().message().find("something-new") == std::string::npos);
}

TEST_CASE("a package must say what to run", "[manifest]") {
  CHECK(has_line(read(with_spec("  engine: { type: shell }\n")),
                 "profile.yaml:5:3: spec: expected modes, or execution.installScript"));
  CHECK(has_line(read("apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
                      "metadata: { name: demo, version: 1.0 }\n"),
                 "profile.yaml:1:1: spec: expected a mapping with modes, found nothing"));
  CHECK_FALSE(read(with_spec("  execution: { installScript: scripts/missing.sh }\n")));
  CHECK_FALSE(read(with_spec("  execution: { installScript: ../install.sh }\n")));
}

TEST_CASE("profile.env gives defaults as data", "[manifest]") {
  const std::string spec =
      "  inputs:\n"
      "    - { name: DOMAIN, type: hostname }\n"
      "    - { name: COUNT, type: int }\n"
      "    - { name: TEXT }\n"
      "    - { name: ADDRESS, source: local-override }\n"
      "  execution: { installScript: scripts/install.sh }\n";
  SECTION("values") {
    const auto profile = read(with_spec(spec),
                              "# comment\n\nDOMAIN=example.test # why\nCOUNT='3'\n"
                              "TEXT=\"a b $(id) $HOME\"\nADDRESS=10.0.0.1\n");
    INFO(mistakes_of(profile));
    REQUIRE(profile);
    CHECK(profile->inputs[0].default_value == "example.test");
    CHECK(profile->inputs[1].default_value == "3");
    CHECK(profile->inputs[2].default_value == "a b $(id) $HOME");
    CHECK_FALSE(profile->inputs[3].default_value.has_value());
    REQUIRE(profile->warnings.size() == 2);
    CHECK(profile->warnings[0].starts_with("profile.env:5: TEXT: "));
    CHECK(profile->warnings[1].starts_with("profile.env:6: ADDRESS: ignored"));
  }
  SECTION("mistakes") {
    const auto result = read(with_spec(spec), "COUNT=many\nexport X=1\nTEXT=\"open\nDOMAIN='a'b\n");
    INFO(mistakes_of(result));
    CHECK(has_line(result, "profile.env:1:1: COUNT: "));
    CHECK(has_line(result, "profile.env:2:1: expected NAME=value"));
    CHECK(has_line(result, "profile.env:3:1: TEXT: the quote is not closed"));
    CHECK(has_line(result, "profile.env:4:1: DOMAIN: expected the quotes around"));
  }
}

TEST_CASE("what a package requires of productive-k3s is a text or bounds", "[manifest]") {
  const auto requiring = [](const std::string& text) {
    return read(with_spec("  compatibility: { requires: " + text +
                          " }\n  execution: { installScript: scripts/install.sh }\n"));
  };
  SECTION("texts") {
    const auto profile = requiring("{ infra: 0.9.64, core: \">=0.9.5\", klubster: \">=1\" }");
    INFO(mistakes_of(profile));
    REQUIRE(profile);
    CHECK(profile->requires_versions.at("core") == ">=0.9.5");
  }
  SECTION("bounds") {
    const auto profile = requiring(
        "{ infra: { contract: profile/v1, minEngineVersion: 0.9.64, maxEngineVersionExclusive: "
        "1.0.0 }, core: { minVersion: 0.9.4 } }");
    INFO(mistakes_of(profile));
    REQUIRE(profile);
    CHECK(profile->requires_versions ==
          std::map<std::string, std::string>{{"core.minVersion", "0.9.4"},
                                             {"infra.contract", "profile/v1"},
                                             {"infra.maxEngineVersionExclusive", "1.0.0"},
                                             {"infra.minEngineVersion", "0.9.64"}});
    CHECK(profile_from_json(to_json(*profile)));
  }
  SECTION("mistakes") {
    const auto result =
        requiring("{ infra: { minVersion: 1 }, core: { minVersion: \">=1\" }, klubster: {} }");
    INFO(mistakes_of(result));
    CHECK(has_line(result,
                   "profile.yaml:5:41: spec.compatibility.requires.infra.minVersion: unknown key"));
    CHECK(has_line(result,
                   "profile.yaml:5:78: spec.compatibility.requires.core.minVersion: expected a "
                   "version X.Y.Z, found \">=1\""));
    CHECK(has_line(result,
                   "profile.yaml:5:97: spec.compatibility.requires.klubster: expected a text"));
  }
}

TEST_CASE("no path of a manifest leads out of the package", "[manifest]") {
  const std::string out = GENERATE("../x", "bin/../../x", "./../x", "..", "bin/..", "-x", "bin//x");
  const std::string keys = GENERATE("check: [%]", "undo: [%]", "files: [%]", "ready: { run: [%] }");
  std::string written = keys;
  written.replace(written.find('%'), 1, "\"" + out + "\"");
  if (keys.starts_with("ready")) written += "\n          kind: service";
  INFO(written);
  const auto result = read(with_step("          " + written + "\n"));
  INFO(mistakes_of(result));
  CHECK_FALSE(result);
  CHECK(mistakes_of(result).find("inside the package") != std::string::npos);

  CHECK_FALSE(read(with_spec("  execution: { installScript: \"" + out + "\" }\n")));
  CHECK_FALSE(read(with_spec("  commands: { back: { run: [\"" + out +
                             "\"] } }\n  modes: { server: { steps: [] } }\n")));
  CHECK_FALSE(
      read(with_spec("  modes: { server: { steps: [ { id: one, run: [\"" + out + "\"] } ] } }\n")));
}

TEST_CASE("a list item that is no mapping does not shift what is said of the others",
          "[manifest]") {
  const auto result =
      read(with_spec("  modes:\n    server:\n      steps:\n        - nothing\n"
                     "        - { id: two, run: [bin/rum] }\n"));
  INFO(mistakes_of(result));
  CHECK(has_line(result, "profile.yaml:8:11: spec.modes.server.steps[0]: expected a mapping"));
  CHECK(has_line(result,
                 "profile.yaml:9:28: spec.modes.server.steps[1].run[0]: expected a file of the"));
  CHECK(split(mistakes_of(result), '\n').size() == 2);
}
