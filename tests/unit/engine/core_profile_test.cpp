// What a productive-k3s package means for a node.
#include "engine/core_profile.h"

#include <algorithm>

#include "base/names.h"
#include "engine/plan.h"
#include "model/profile_rules.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Profile package() {
  Profile made;
  made.name = "on-prem-basic";
  made.version = "exported";
  made.scenario = "onprem-basic";
  made.engine = "ansible";
  made.install_script = "scripts/install.sh";
  for (const char* name : {"ONPREM_SERVER_IP", "ONPREM_AGENT_IPS", "ONPREM_SSH_KEY_PATH"}) {
    InputSpec input;
    input.name = name;
    input.required = true;
    input.source = InputSource::kLocalOverride;
    made.inputs.push_back(input);
  }
  return made;
}

NodeConfig node(const std::string& name, std::vector<std::string> modes) {
  NodeConfig config;
  config.node = name;
  config.modes = std::move(modes);
  config.core.path = "/srv/core.tar.gz";
  config.members = {{"n1", {"server", "stack"}, "10.0.0.1:9446", ""},
                    {"n2", {"agent"}, "10.0.0.2:9446", ""},
                    {"n3", {"agent"}, "10.0.0.3:9446", ""}};
  return config;
}

const StepSpec& step_of(const Profile& profile, const std::string& mode, const std::string& id) {
  const auto& steps = profile.modes.at(mode);
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const StepSpec& step) { return step.id == id; });
  REQUIRE(found != steps.end());
  return *found;
}

std::string ids(const Profile& profile, const std::string& mode) {
  std::string text;
  for (const auto& step : profile.modes.at(mode))
    text += (text.empty() ? "" : " ") + step.id;
  return text;
}

std::string needs(const StepSpec& step) {
  std::string text;
  for (const auto& need : step.needs)
    text += (text.empty() ? "" : ", ") + need.count + " " + need.phase + " " + need.condition;
  return text;
}

std::string refusal(const NodeConfig& config) {
  const auto made = with_core(package(), config);
  REQUIRE_FALSE(made.has_value());
  return made.error().message();
}

}  // namespace

TEST_CASE("each node gets its own part of the package", "[core]") {
  const auto server = with_core(package(), node("n1", {"server", "stack"}));
  REQUIRE(server.has_value());
  CHECK(ids(*server, "server") == "bundle preflight install hosts");
  CHECK(ids(*server, "stack") == "nodes install validate");
  const auto agent = with_core(package(), node("n2", {"agent"}));
  REQUIRE(agent.has_value());
  CHECK(ids(*agent, "agent") == "bundle preflight install hosts");
  NodeConfig alone = node("n1", {"server", "stack"});
  alone.members.clear();
  const auto one = with_core(package(), alone);
  REQUIRE(one.has_value());
  CHECK(needs(step_of(*one, "server", "install")).empty());
  CHECK(needs(step_of(*one, "stack", "nodes")).empty());
}

TEST_CASE("the driver's barriers are needs of the steps", "[core]") {
  const auto server = *with_core(package(), node("n1", {"server", "stack"}));
  CHECK(step_of(server, "server", "preflight").condition == kPreflightCondition);
  CHECK(needs(step_of(server, "server", "install")) == "all agent PreflightPassed");
  CHECK(needs(step_of(server, "stack", "nodes")) == "all agent Ready");
  // Without a stack it is the server that waits for its agents in the end, and not they for that.
  const auto plain = *with_core(package(), node("n1", {"server"}));
  CHECK(step_of(plain, "server", "install").condition == kJoinableCondition);
  CHECK(needs(step_of(plain, "server", "validate")) == "all agent Ready");
  const auto agent = *with_core(package(), node("n2", {"agent"}));
  CHECK(needs(step_of(agent, "agent", "install")) ==
        "any server Joinable, all agent PreflightPassed, all server PreflightPassed");
}

TEST_CASE("the token is a secret fact of the server, and no argument", "[core]") {
  const auto server = *with_core(package(), node("n1", {"server", "stack"}));
  const auto& outputs = step_of(server, "server", "install").outputs;
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[1].name == kClusterTokenFact);
  CHECK((outputs[1].sensitive && outputs[1].share));
  const auto agent = *with_core(package(), node("n2", {"agent"}));
  const InputSpec* token = agent.find_input(kClusterTokenFact);
  REQUIRE(token != nullptr);
  CHECK((token->sensitive && token->from_peer));
}

TEST_CASE("what is made is a profile like any other, and can be planned", "[core]") {
  for (const auto& config : {node("n1", {"server", "stack"}), node("n2", {"agent"})}) {
    const auto made = with_core(package(), config);
    REQUIRE(made.has_value());
    CHECK(check_profile(*made).empty());
    const auto stored = profile_from_json(to_json(*made));
    REQUIRE(stored.has_value());
    CHECK(to_json(*stored) == to_json(*made));
    PlanInputs given;
    given.modes = config.modes;
    const auto plan = make_plan(*stored, given);
    REQUIRE(plan.has_value());
    CHECK(plan->steps.front().spec.run.front() == names::kCoreWord);
  }
}

TEST_CASE("what only an SSH driver needs is not asked for", "[core]") {
  const auto made = *with_core(package(), node("n2", {"agent"}));
  CHECK_FALSE(made.find_input("ONPREM_SSH_KEY_PATH")->required);
  CHECK_FALSE(made.find_input("ONPREM_SERVER_IP")->required);
}

TEST_CASE("addresses of the package and of the tree have to be the same", "[core]") {
  NodeConfig config = node("n2", {"agent"});
  config.inputs["ONPREM_SERVER_IP"] = "10.0.0.1";
  config.inputs["ONPREM_AGENT_IPS"] = "10.0.0.3 10.0.0.2";
  CHECK(with_core(package(), config).has_value());
  config.inputs["ONPREM_AGENT_IPS"] = "10.0.0.2";
  CHECK(refusal(config) ==
        "profile on-prem-basic: inputs/ONPREM_AGENT_IPS: expected the addresses in members/ with "
        "mode "
        "agent (10.0.0.2 10.0.0.3), found 10.0.0.2");
  config.inputs["ONPREM_AGENT_IPS"] = "10.0.0.2 10.0.0.2";
  CHECK(refusal(config).find("expected each address once, found 10.0.0.2 again") !=
        std::string::npos);
}

TEST_CASE("what Core cannot do together is refused before anything begins", "[core]") {
  NodeConfig config = node("n1", {"stack"});
  CHECK(refusal(config).find("Core's stack is installed on a server") != std::string::npos);
  config = node("n1", {"server", "stack"});
  config.members[1].modes = {"server"};
  CHECK(refusal(config).find("Core knows one") != std::string::npos);
  config = node("n1", {"server"});
  config.inputs["PRODUCTIVE_K3S_ENGINE"] = "k3sup";
  CHECK(refusal(config).find("PRODUCTIVE_K3S_ENGINE: expected native") != std::string::npos);
  config = node("n1", {"server"});
  config.core.path.clear();
  CHECK(refusal(config).find("core/path") != std::string::npos);
}

TEST_CASE("a newer bundle is looked at anew, and installs nothing again", "[core]") {
  NodeConfig config = node("n1", {"server", "stack"});
  const auto before = *with_core(package(), config);
  config.core.path = "/srv/newer.tar.gz";
  const auto after = *with_core(package(), config);
  const auto same = [&](const char* mode, const char* id) {
    return to_json(step_of(before, mode, id)) == to_json(step_of(after, mode, id));
  };
  CHECK_FALSE(same("server", "bundle"));
  CHECK_FALSE(same("server", "preflight"));
  CHECK(same("server", "install"));
  CHECK(same("stack", "install"));
}

namespace {

StepSpec written(const std::string& id, const std::string& core_mode = "") {
  StepSpec step;
  step.id = id;
  step.core_mode = core_mode;
  if (core_mode.empty()) step.run = {"/bin/true"};
  step.files_digest = std::string(64, 'a');
  return step;
}

// A manifest whose servers and agents become such through Core, with steps of its own around that.
Profile manifest() {
  Profile made;
  made.name = "own";
  made.version = "1";
  made.scenario = "at-home";
  made.engine = "shell";
  for (const char* mode : {"server", "stack", "agent"}) {
    StepSpec k3s = written("k3s", mode);
    k3s.after = {"before"};
    StepSpec after = written("after");
    after.after = {"k3s"};
    made.modes[mode] = {written("before"), k3s, after};
  }
  made.modes["agent"][1].needs = {{"server", "Ready", "any"}};
  return made;
}

// As the step of a package, with the names of the manifest.
std::string as_of_package(StepSpec step) {
  std::string text = to_json(step).dump();
  for (const auto& [ours, theirs] : {std::pair{"\"k3s-", "\""}, std::pair{"\"k3s\"", "\"install\""},
                                     std::pair{"/k3s-bundle/", "/bundle/"}}) {
    for (auto at = text.find(ours); at != std::string::npos; at = text.find(ours))
      text.replace(at, std::string(ours).size(), theirs);
  }
  return text;
}

}  // namespace

TEST_CASE("core steps of a manifest become those of a package", "[core]") {
  Profile empty = package();  // a package that lists no inputs
  empty.inputs.clear();
  for (const auto& config : {node("n1", {"server", "stack"}), node("n2", {"agent"})}) {
    const auto made = with_core(manifest(), config);
    REQUIRE(made.has_value());
    CHECK(check_profile(*made).empty());
    const auto theirs = *with_core(empty, config);
    for (const auto& mode : config.modes) {
      auto steps = made->modes.at(mode);
      const auto& wanted = theirs.modes.at(mode);
      REQUIRE(steps.size() == wanted.size() + 2);
      CHECK(steps.front().id == "before");
      CHECK(steps.back().after == std::vector<std::string>{steps[steps.size() - 2].id});
      CHECK(steps[1].after == std::vector<std::string>{"before"});
      steps[1].after.clear();
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        StepSpec step = steps[i + 1];
        if (mode == "agent" && step.id == "k3s") step.needs.pop_back();  // the manifest's own
        CHECK(as_of_package(step) == to_json(wanted[i]).dump());
      }
    }
    PlanInputs given;
    given.modes = config.modes;
    const auto plan = make_plan(*made, given);
    REQUIRE(plan.has_value());
  }
  const auto server = *with_core(manifest(), node("n1", {"server", "stack"}));
  CHECK(ids(server, "server") == "before k3s-bundle k3s-preflight k3s k3s-hosts after");
  CHECK(ids(server, "stack") == "before k3s-nodes k3s k3s-validate after");
  CHECK(server.commands.count("backup") == 1);
  const auto agent = *with_core(manifest(), node("n2", {"agent"}));
  CHECK(needs(step_of(agent, "agent", "k3s")) ==
        "any server Joinable, all agent PreflightPassed, all server PreflightPassed, any server "
        "Ready");
}

TEST_CASE("phases without a core step are none of Core's business", "[core]") {
  Profile profile = manifest();
  profile.modes["server"] = {written("own-k3s")};
  profile.modes.erase("stack");
  profile.commands["validate"] = written("validate");
  NodeConfig config = node("n1", {"server", "stack"});
  config.core.path.clear();
  const auto server = with_core(profile, config);
  REQUIRE(server.has_value());
  CHECK(ids(*server, "server") == "own-k3s");
  CHECK(server->commands.size() == 1);
  // What the tree says for all nodes is known here, too.
  CHECK(server->find_input("CORE_TLS_MODE") != nullptr);
  const auto agent = *with_core(profile, node("n2", {"agent"}));
  CHECK(ids(agent, "agent") == "before k3s-bundle k3s-preflight k3s after");
  CHECK(needs(step_of(agent, "agent", "k3s")) ==
        "any server Joinable, all agent PreflightPassed, any server Ready");
  CHECK(agent.commands.at("validate").run == std::vector<std::string>{"/bin/true"});
}

TEST_CASE("a core step without a bundle, or beside a step of its name, is refused", "[core]") {
  NodeConfig config = node("n2", {"agent"});
  Profile profile = manifest();
  profile.modes["agent"].push_back(written("k3s-bundle"));
  const auto twice = with_core(profile, config);
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().reason() == "ManifestInvalid");
  CHECK(twice.error().message() ==
        "profile own: agent: step k3s-bundle: expected another id: the core step k3s becomes steps "
        "of which one is called so");
  config.core.path.clear();
  const auto missing = with_core(manifest(), config);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().reason() == "EngineUnsupported");
  CHECK(missing.error().message().find("core/path") != std::string::npos);
}

TEST_CASE("facts that a manifest lists are the server's, and the token is a secret", "[core]") {
  Profile profile = manifest();
  for (const char* name : {kClusterTokenFact, "LAST"}) {
    InputSpec input;
    input.name = name;
    profile.inputs.push_back(input);
  }
  const auto agent = *with_core(profile, node("n2", {"agent"}));
  CHECK(agent.find_input(kClusterTokenFact)->from_peer);
  CHECK(agent.find_input(kClusterTokenFact)->sensitive);
  CHECK_FALSE(agent.find_input("LAST")->from_peer);
}
