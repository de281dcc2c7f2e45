// What a plan is made of, and what runs a step again.
#include "engine/plan.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

Profile one_step_profile() {
  Profile profile;
  profile.name = "k";
  profile.version = "1";
  InputSpec seen;
  seen.name = "SEEN";
  InputSpec unseen = seen;
  unseen.name = "UNSEEN";
  InputSpec secret = seen;
  secret.name = "SECRET";
  secret.sensitive = true;
  InputSpec told = seen;
  told.name = "TOLD";
  told.from_peer = true;
  profile.inputs = {seen, unseen, secret, told};
  StepSpec step;
  step.id = "join";
  step.run = {"bin/join"};
  step.inputs = {"SEEN", "SECRET", "TOLD"};
  step.files_digest = "digest";
  profile.modes["agent"] = {step};
  return profile;
}

PlanInputs all_given() {
  PlanInputs given;
  given.generation = 1;
  given.profile_dir = "/var/lib/klubster/profiles/aa";
  given.modes = {"agent"};
  given.values = {{"SEEN", "a"}, {"UNSEEN", "b"}};
  given.secrets = {{"SECRET", "c"}};
  given.facts["agent/join"]["TOLD"] = "d";
  given.steps_path = {"/tools"};
  given.salt = "salt";
  return given;
}

std::string fingerprint(const Profile& profile, const PlanInputs& given) {
  auto plan = make_plan(profile, given);
  REQUIRE(plan);
  REQUIRE(plan->steps.size() == 1);
  REQUIRE_FALSE(plan->steps[0].fingerprint.empty());
  return plan->steps[0].fingerprint;
}

PlanInputs server_node() {
  PlanInputs given;
  given.modes = {"server"};
  return given;
}

}  // namespace

TEST_CASE("what must run a step again changes its fingerprint", "[plan]") {
  using Change = std::pair<const char*, void (*)(Profile&, PlanInputs&)>;
  const auto change = GENERATE(
      Change{"the command",
             [](Profile& p, PlanInputs&) { p.modes["agent"][0].run = {"bin/other"}; }},
      Change{"an argument",
             [](Profile& p, PlanInputs&) {
               p.modes["agent"][0].run = {"bin/join", "-v"};
             }},
      Change{"its user", [](Profile& p, PlanInputs&) { p.modes["agent"][0].user = "nobody"; }},
      Change{"its check",
             [](Profile& p, PlanInputs&) { p.modes["agent"][0].check.run = {"bin/c"}; }},
      Change{"a unit property",
             [](Profile& p, PlanInputs&) { p.modes["agent"][0].unit["Nice"] = Json(5); }},
      Change{"a limit", [](Profile& p, PlanInputs&) { p.modes["agent"][0].limits.tasks = 5; }},
      Change{"a file that it can reach",
             [](Profile& p, PlanInputs&) { p.modes["agent"][0].files_digest = "other"; }},
      Change{"an input that it names", [](Profile&, PlanInputs& g) { g.values["SEEN"] = "other"; }},
      Change{"a secret that it names",
             [](Profile&, PlanInputs& g) { g.secrets["SECRET"] = "other"; }},
      Change{"a fact of a peer",
             [](Profile&, PlanInputs& g) { g.facts["agent/join"]["TOLD"] = "other"; }},
      Change{"the tools on its path", [](Profile&, PlanInputs& g) { g.steps_path = {"/other"}; }});
  Profile profile = one_step_profile();
  PlanInputs given = all_given();
  const std::string before = fingerprint(profile, given);
  change.second(profile, given);
  INFO(change.first);
  CHECK(fingerprint(profile, given) != before);
}

TEST_CASE("what must not run a step again leaves its fingerprint alone", "[plan]") {
  using Change = std::pair<const char*, void (*)(Profile&, PlanInputs&)>;
  const auto change = GENERATE(
      Change{"the generation", [](Profile&, PlanInputs& g) { g.generation = 2; }},
      Change{"where the package is", [](Profile&, PlanInputs& g) { g.profile_dir = "/elsewhere"; }},
      Change{"name and version", [](Profile& p, PlanInputs&) { p.name = p.version = "2"; }},
      Change{"an input that it does not name",
             [](Profile&, PlanInputs& g) { g.values["UNSEEN"] = "other"; }},
      Change{"the description of an input",
             [](Profile& p, PlanInputs&) { p.inputs[0].description = "text"; }},
      Change{"another step", [](Profile& p, PlanInputs&) { p.commands["backup"].id = "backup"; }},
      Change{"another phase",
             [](Profile& p, PlanInputs&) { p.modes["server"] = p.modes["agent"]; }},
      Change{"a fact for another step",
             [](Profile&, PlanInputs& g) { g.facts["server/x"]["TOLD"] = "z"; }});
  Profile profile = one_step_profile();
  PlanInputs given = all_given();
  const std::string before = fingerprint(profile, given);
  change.second(profile, given);
  INFO(change.first);
  CHECK(fingerprint(profile, given) == before);
}

TEST_CASE("a secret enters a fingerprint only together with this node's salt", "[plan]") {
  PlanInputs given = all_given();
  const std::string before = fingerprint(one_step_profile(), given);
  given.salt = "of another node";
  CHECK(fingerprint(one_step_profile(), given) != before);
}

TEST_CASE("a fact that is still to come leaves the fingerprint empty and is named", "[plan]") {
  PlanInputs given = all_given();
  given.facts.clear();
  auto plan = make_plan(one_step_profile(), given);
  REQUIRE(plan);
  CHECK(plan->steps[0].fingerprint.empty());
  CHECK(plan->steps[0].waits == std::vector<std::string>{"TOLD"});
}

TEST_CASE("the tree overrides a peer, and a peer the package's default", "[plan]") {
  Profile profile = one_step_profile();
  profile.inputs[3].default_value = "default";
  PlanInputs given = all_given();
  CHECK(make_plan(profile, given)->steps[0].inputs.at("TOLD").value == "d");
  given.values["TOLD"] = "tree";
  CHECK(make_plan(profile, given)->steps[0].inputs.at("TOLD").value == "tree");
  given.values.erase("TOLD");
  given.facts.clear();
  CHECK(make_plan(profile, given)->steps[0].inputs.at("TOLD").value == "default");
}

TEST_CASE("the order is topological, ties in written order, and the same each time", "[plan]") {
  Profile profile = one_step_profile();
  const auto step = [](const char* id, std::vector<std::string> after) {
    StepSpec spec;
    spec.id = id;
    spec.run = {"bin/x"};
    spec.after = std::move(after);
    return spec;
  };
  profile.modes["agent"] = {step("d", {"c"}), step("b", {"a"}), step("c", {}), step("a", {})};
  std::string order;
  auto plan = make_plan(profile, all_given());
  REQUIRE(plan);
  for (const auto& made : plan->steps)
    order += made.spec.id;
  CHECK(order == "cdab");
}

TEST_CASE("all missing inputs are named at once, with the file to create", "[plan]") {
  Profile profile = one_step_profile();
  for (auto& input : profile.inputs)
    input.required = true;
  profile.inputs[0].description = "what it sees";
  PlanInputs given = all_given();
  given.values.clear();
  given.secrets.clear();
  given.facts.clear();
  auto plan = make_plan(profile, given);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().reason() == "InputMissing");
  const std::string message = plan.error().message();
  CHECK(message.find("SEEN (what it sees): create inputs/SEEN") != std::string::npos);
  CHECK(message.find("create inputs/UNSEEN") != std::string::npos);
  CHECK(message.find("create secrets/SECRET") != std::string::npos);
  CHECK(message.find("TOLD") == std::string::npos);  // a peer tells it
}

TEST_CASE("a profile without modes is refused by the engine that it names", "[plan]") {
  Profile profile;
  profile.name = "on-prem-basic";
  profile.engine = GENERATE("ansible", "terraform", "");
  profile.scenario = "onprem-basic";
  profile.install_script = "scripts/install.sh";
  InputSpec input;
  input.name = "ONPREM_SERVER_IP";
  input.required = true;
  profile.inputs = {input};

  const auto plan = make_plan(profile, server_node());

  REQUIRE_FALSE(plan);
  CHECK(plan.error().reason() == "EngineUnsupported");
  CHECK(plan.error().message().starts_with("profile on-prem-basic: expected spec.modes"));
  const bool named = plan.error().message().find("engine " + profile.engine) != std::string::npos;
  CHECK((profile.engine.empty() || named));
}

TEST_CASE("a profile with modes runs by its steps, whatever its engine is called", "[plan]") {
  Profile profile;
  profile.name = "hello";
  profile.engine = "terraform";
  profile.modes["server"];
  CHECK(make_plan(profile, server_node()));

  PlanInputs other = server_node();
  other.modes = {"agent"};
  const auto plan = make_plan(profile, other);
  REQUIRE_FALSE(plan);
  CHECK(plan.error().reason() == "ModeMissing");
}

TEST_CASE("what was done with a secret that is another one by now stays done", "[plan]") {
  const Profile profile = one_step_profile();
  PlanInputs given = all_given();
  const Step before = make_plan(profile, given).value().steps[0];
  SubjectState past;
  past.done_fingerprint = before.fingerprint;
  past.done_parts = before.parts;

  given.secrets["SECRET"] = "another";
  Step step = make_plan(profile, given).value().steps[0];
  REQUIRE(step.fingerprint != before.fingerprint);
  SECTION("unless nobody says that it changed") {
    keep_fingerprint(step, past, {});
    CHECK(step.fingerprint != before.fingerprint);
  }
  SECTION("when nothing else differs") {
    keep_fingerprint(step, past, {"SECRET", "OTHER"});
    CHECK(step.fingerprint == before.fingerprint);
    CHECK(step.inputs.at("SECRET").value == "another");  // the old one is kept nowhere
  }
  SECTION("and runs again when something else differs") {
    given.values["SEEN"] = "new";
    step = make_plan(profile, given).value().steps[0];
    keep_fingerprint(step, past, {"SECRET"});
    CHECK(step.fingerprint != before.fingerprint);
  }
}

TEST_CASE("the server that begins the cluster waits for no server and for no fact of one",
          "[plan]") {
  Profile profile = one_step_profile();
  StepSpec step = profile.modes["agent"][0];
  step.needs = {{"server", "Ready", "any"}};
  profile.modes["server"] = {step};
  PlanInputs given = server_node();
  given.values = {{"SEEN", "a"}};
  const auto joins = make_plan(profile, given);
  REQUIRE(joins);
  CHECK(joins->steps[0].waits == std::vector<std::string>{"TOLD"});
  CHECK(joins->steps[0].fingerprint.empty());

  given.begins_cluster = true;
  const auto begins = make_plan(profile, given);
  REQUIRE(begins);
  CHECK(begins->steps[0].spec.needs.empty());
  CHECK(begins->steps[0].facts.empty());
  CHECK_FALSE(begins->steps[0].fingerprint.empty());
  // What it needs of others it waits for all the same.
  profile.modes["server"][0].needs.push_back({"agent", "Ready", "any"});
  const auto both = make_plan(profile, given);
  REQUIRE(both);
  CHECK(both->steps[0].spec.needs.size() == 1);
  CHECK(both->steps[0].waits == std::vector<std::string>{"TOLD"});
}
