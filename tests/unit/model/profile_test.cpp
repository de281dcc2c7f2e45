// What the daemon believes of a worker's manifest.
#include "model/profile.h"

#include "model/profile_rules.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

StepSpec step_named(std::string id, std::vector<std::string> after = {}) {
  StepSpec step;
  step.id = std::move(id);
  step.run = {"bin/run", "--flag"};
  step.after = std::move(after);
  step.files_digest = std::string(64, 'a');
  return step;
}

Profile example() {
  Profile profile;
  profile.name = "etcd";
  profile.version = "1.2.3";
  profile.requires_versions["klubster"] = ">=1";
  InputSpec domain;
  domain.name = "CLUSTER_DOMAIN";
  domain.required = true;
  domain.type = InputType::kHostname;
  domain.default_value = "example.test";
  InputSpec replicas;
  replicas.name = "REPLICAS";
  replicas.type = InputType::kInt;
  replicas.min = -1;
  replicas.max = 5;
  profile.inputs = {domain, replicas};
  StepSpec server = step_named("etcd");
  server.kind = StepKind::kService;
  server.unit = {{"Type", Json("notify")}, {"LimitNOFILE", Json(1048576)}};
  server.unit_name = "etcd.service";
  server.ready.run = {"bin/ready"};
  server.inputs = {"CLUSTER_DOMAIN"};
  server.outputs = {{"SERVER_URL", true, false}};
  StepSpec second = step_named("second", {"etcd"});
  second.needs = {{"agent", "Ready", "all"}};
  second.check.run = {"/usr/bin/true"};
  second.when_input = "REPLICAS";
  second.when_is = "3";
  profile.modes["server"] = {server, second};
  profile.commands["validate"] = step_named("validate");
  return profile;
}

bool mentions(const Profile& profile, const std::string& path, const std::string& text) {
  for (const auto& problem : check_profile(profile)) {
    if (problem.path == path && problem.message.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a profile survives its canonical JSON byte for byte", "[profile]") {
  const Json json = to_json(example());
  const auto parsed = parse_json(json.dump());
  REQUIRE(parsed);

  const auto again = profile_from_json(*parsed);

  REQUIRE(again);
  CHECK(to_json(*again).dump() == json.dump());
  CHECK(again->modes.at("server")[1].needs[0].count == "all");
  CHECK(again->inputs[1].min == -1);
}

TEST_CASE("a worker cannot make up a mode, a key or a type", "[profile]") {
  Json json = to_json(example());
  SECTION("mode") {
    json["modes"]["boss"] = Json::array();
  }
  SECTION("key") {
    json["surprise"] = 1;
  }
  SECTION("type") {
    json["name"] = 7;
  }
  SECTION("missing") {
    json["inputs"].push_back(Json::object());
  }
  SECTION("digest") {
    Json step = json.get("modes").items("server")[0];
    step["filesDigest"] = "abc";
    json["modes"]["server"] = Json::array();
    json["modes"]["server"].push_back(step);
  }
  SECTION("not an object") {
    json = Json("profile");
  }

  const auto read = profile_from_json(json);

  REQUIRE_FALSE(read);
  CHECK(read.error().reason() == "ManifestInvalid");
}

TEST_CASE("an `after` that is unknown names the step that was meant", "[profile]") {
  Profile profile = example();
  profile.modes["server"][1].after = {"etdc"};
  CHECK(mentions(profile, "spec.modes.server.steps[1].after[0]", "did you mean etcd?"));
}

TEST_CASE("a cycle of `after` is shown step by step", "[profile]") {
  Profile profile = example();
  profile.modes["server"] = {step_named("a", {"c"}), step_named("b", {"a"}),
                             step_named("c", {"b"})};
  CHECK(mentions(profile, "spec.modes.server.steps[0].after", "a after c after b after a"));
}

TEST_CASE("every mistake of a profile is found in one pass", "[profile]") {
  Profile profile = example();
  auto& step = profile.modes["server"][0];
  step.id = "Bad Id";
  step.unit["Restart"] = "always";
  step.unit["LimitNOFIL"] = 1;
  step.inputs = {"CLUSTER_DOMIAN"};
  step.run = {"../outside"};
  profile.inputs[0].name = "LD_PRELOAD";
  profile.inputs[1].max = -5;

  CHECK(mentions(profile, "spec.modes.server.steps[0].id", "Bad Id"));
  CHECK(mentions(profile, "spec.modes.server.steps[0].unit.Restart", "may set"));
  CHECK(
      mentions(profile, "spec.modes.server.steps[0].unit.LimitNOFIL", "did you mean LimitNOFILE"));
  CHECK(mentions(profile, "spec.modes.server.steps[0].inputs[0]", "CLUSTER_DOMIAN"));
  CHECK(mentions(profile, "spec.modes.server.steps[0].run[0]", "inside the package"));
  CHECK(mentions(profile, "spec.inputs[0].name", "never do"));
  CHECK(mentions(profile, "spec.inputs[1].min", "at most max"));
}

TEST_CASE("parts that do not go together are refused", "[profile]") {
  Profile profile = example();
  auto& service = profile.modes["server"][0];
  auto& task = profile.modes["server"][1];
  service.check.run = {"bin/check"};
  task.ready.run = {"bin/ready"};
  task.unit_name = "task.service";
  task.unit["Type"] = "exec";
  task.reboot_codes = {0};
  CHECK(mentions(profile, "spec.modes.server.steps[0].check", "kind: task"));
  CHECK(mentions(profile, "spec.modes.server.steps[1].ready", "kind: service"));
  CHECK(mentions(profile, "spec.modes.server.steps[1].unitName", "kind: service"));
  CHECK(mentions(profile, "spec.modes.server.steps[1].unit.Type", "oneshot"));
  CHECK(mentions(profile, "spec.modes.server.steps[1].rebootCodes", "in both"));
}

TEST_CASE("a core step has the mode of its phase and says nothing else", "[profile]") {
  Profile profile = example();
  StepSpec core;
  core.id = "k3s";
  core.core_mode = "server";
  core.needs = {{"agent", "Prepared", "all"}};
  core.files_digest = profile.modes["server"][0].files_digest;
  profile.modes["server"].push_back(core);
  CHECK(check_profile(profile).empty());
  const auto again = profile_from_json(to_json(profile));
  REQUIRE(again);
  CHECK(again->modes.at("server").back().core_mode == "server");
  CHECK(to_json(*again) == to_json(profile));

  auto& step = profile.modes["server"].back();
  step.core_mode = GENERATE("agent", "boss", "single-node");
  CHECK(mentions(profile, "spec.modes.server.steps[2].core.mode", "the phase's own mode server"));
  step.core_mode = "server";
  step.id = std::string(55, 'a');
  CHECK(mentions(profile, "spec.modes.server.steps[2].id", "at most 54"));
  step.id = "k3s";
  step.run = {"bin/run"};
  CHECK(mentions(profile, "spec.modes.server.steps[2]", "nothing but id, needs and after"));
  step.run.clear();
  core.id = "again";
  profile.modes["server"].push_back(core);
  CHECK(mentions(profile, "spec.modes.server.steps[3].core", "\"k3s\" before it"));
}

TEST_CASE("a unit that belongs to klubster or systemd cannot be taken over", "[profile]") {
  Profile profile = example();
  profile.modes["server"][0].unit_name =
      GENERATE("klubster.service", "klubster-peerd.service", "systemd-logind.service",
               "../x.service", "etcd.socket", ".service");
  CHECK_FALSE(check_profile(profile).empty());
}

TEST_CASE("nothing that breaks supervision is on the allow list", "[profile]") {
  const auto* name = GENERATE("Restart", "RestartSec", "ExecStart", "ExecStopPost",
                              "RemainAfterExit", "CollectMode", "Slice", "User", "Environment",
                              "EnvironmentFile", "LoadCredential", "SetCredential", "BindPaths",
                              "DynamicUser", "TimeoutStartSec", "RootDirectory", "StandardOutput");
  INFO(name);
  CHECK(find_unit_property(name) == nullptr);
}

TEST_CASE("the allow list is sorted, so that each of its names is found", "[profile]") {
  for (const auto& name : unit_property_names()) {
    INFO(name);
    CHECK(find_unit_property(name) != nullptr);
  }
}

TEST_CASE("values of unit properties get one canonical form", "[profile]") {
  const auto canonical = [](const char* name, const Json& value) {
    const auto result = unit_property_value(*find_unit_property(name), value);
    return result ? result->dump() : "refused";
  };
  CHECK(canonical("LimitMEMLOCK", Json("64M")) == "67108864");
  CHECK(canonical("LimitCORE", Json("infinity")) == "\"infinity\"");
  CHECK(canonical("LimitNOFILE", Json(-1)) == "refused");
  CHECK(canonical("TimeoutStopSec", Json("1m30s")) == "90000000");
  CHECK(canonical("UMask", Json("0027")) == "23");
  CHECK(canonical("UMask", Json("99")) == "refused");
  CHECK(canonical("Delegate", Json("yes")) == "refused");
  CHECK(canonical("Delegate", Json(true)) == "true");
  CHECK(canonical("KillMode", Json("none")) == "refused");
  CHECK(canonical("ProtectSystem", Json(true)) == "\"yes\"");
  CHECK(canonical("ReadWritePaths", Json("/srv")) == "[\"/srv\"]");
  CHECK(canonical("Group", Json("a\nb")) == "refused");
}

TEST_CASE("a version condition holds, does not hold, or is malformed", "[profile]") {
  CHECK(version_satisfies(1, ">=1") == true);
  CHECK(version_satisfies(1, ">=1 <2") == true);
  CHECK(version_satisfies(1, ">=2") == false);
  CHECK(version_satisfies(1, "1") == true);
  CHECK_FALSE(version_satisfies(1, "").has_value());
  CHECK_FALSE(version_satisfies(1, "~1").has_value());
  CHECK_FALSE(version_satisfies(1, ">=x").has_value());
}
