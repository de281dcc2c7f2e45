// Conditions: what peers and people are told.
#include "daemon/status.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// A node with one phase of two steps, and views to be set.
struct SmallNode {
  NodeConfig config;
  NodeState state;
  std::optional<Plan> plan;
  Decision decision;
  AcquireDecision acquisition;
  std::map<std::string, Error> problems;
  std::string damage;

  SmallNode() {
    config.node = "n1";
    config.modes = {"server"};
    config.profile.url = "https://example.org/p.tgz";
    acquisition.acquired = true;
    Plan made;
    made.phases = {"server"};
    for (const char* id : {"one", "two"}) {
      Step step;
      step.phase = "server";
      step.subject = subject_of("server", id);
      step.spec.id = id;
      step.fingerprint = "f";
      made.steps.push_back(step);
    }
    plan = made;
    show(StepProgress::kDone, StepProgress::kDone);
  }
  void show(StepProgress one, StepProgress two, std::string message = "", std::string reason = "") {
    decision.views = {{"server/one", one, "", "", "", 0},
                      {"server/two", two, reason, message, "", 0}};
    decision.ready = decision.views[0].settled() && decision.views[1].settled();
  }
  Scene scene() const { return {config, state, plan, decision, acquisition, problems, damage}; }
  Condition ready(std::vector<Condition> before = {}, const std::string& now = "T1") const {
    const auto conditions = conditions_of(scene(), std::move(before), now);
    const auto* found = find_condition(conditions, "Ready", "server");
    REQUIRE(found != nullptr);
    return *found;
  }
};

}  // namespace

TEST_CASE("a phase is ready when all of its steps are settled", "[status]") {
  SmallNode node;
  CHECK(node.ready().status == ConditionStatus::kTrue);
  CHECK(status_json(node.scene(), {}).bool_or("ready"));
}

TEST_CASE("a waiting phase says for what", "[status]") {
  SmallNode node;
  node.show(StepProgress::kDone, StepProgress::kWaiting, "server Ready at any of n1, n2");
  const Condition ready = node.ready();
  CHECK(ready.status == ConditionStatus::kFalse);
  CHECK(ready.reason == "Waiting");
  CHECK(ready.message == "server/two: waiting for server Ready at any of n1, n2");
  CHECK(record_body(node.scene(), {}).get("step").text_or("waitingFor") ==
        "server Ready at any of n1, n2");
}

TEST_CASE("a failed step speaks for its phase before one that moves", "[status]") {
  SmallNode node;
  node.show(StepProgress::kRunning, StepProgress::kFailed, "ended with exit code 7", "ExitCode");
  CHECK(node.ready().reason == "ExitCode");
  const Json status = status_json(node.scene(), {});
  REQUIRE(status.items("problems").size() == 1);
  CHECK(status.items("problems")[0].text_or("next") == "klubster logs server/two");
}

TEST_CASE("a condition keeps its time until its status changes", "[status]") {
  SmallNode node;
  auto first = conditions_of(node.scene(), {}, "T1");
  CHECK(node.ready(first, "T2").last_transition_time == "T1");
  node.show(StepProgress::kDone, StepProgress::kRunning);
  CHECK(node.ready(first, "T3").last_transition_time == "T3");
}

TEST_CASE("a bad config tree is a condition, with all its mistakes on one line", "[status]") {
  SmallNode node;
  node.state.config_reason = "ConfigInvalid";
  node.state.config_message = "a: key x: bad\nb: key y: bad";
  const auto conditions = conditions_of(node.scene(), {}, "T1");
  const auto* valid = find_condition(conditions, "ConfigValid", "");
  REQUIRE(valid != nullptr);
  CHECK(valid->status == ConditionStatus::kFalse);
  CHECK(valid->message == "a: key x: bad;b: key y: bad");
}

TEST_CASE("only the phases of the plan are spoken of, whatever a newer config says", "[status]") {
  SmallNode node;
  node.config.modes = {"server", "stack"};  // not applied yet
  CHECK(find_condition(conditions_of(node.scene(), {}, "T1"), "Ready", "stack") == nullptr);
  node.plan.reset();
  CHECK(find_condition(conditions_of(node.scene(), {}, "T1"), "Ready", "stack") != nullptr);
}

TEST_CASE("a medium that was refused is a condition and a problem, and no word about the profile",
          "[status]") {
  SmallNode node;
  node.acquisition.acquired = false;
  node.problems.emplace("media", Error(ErrorKind::kInvalid, "ConfigInvalid", "no such key"));
  const auto conditions = conditions_of(node.scene(), {}, "T1");
  const auto* media = find_condition(conditions, "MediaImported", "");
  REQUIRE(media != nullptr);
  CHECK(media->status == ConditionStatus::kFalse);
  CHECK(media->message == "no such key");
  CHECK(find_condition(conditions, "ProfileReady", "")->message.empty());
  CHECK(status_json(node.scene(), {}).items("problems").size() == 1);
}

TEST_CASE("a running download is shown with what is known of it", "[status]") {
  SmallNode node;
  CHECK(status_json(node.scene(), {}).get("download").is_null());
  node.acquisition.progress = FetchProgress{5, 0, 0};
  Json download = status_json(node.scene(), {}).get("download");
  CHECK(download.integer_or("bytes") == 5);
  CHECK(download.get("total").is_null());
  node.acquisition.progress = FetchProgress{50, 100, 10};
  download = status_json(node.scene(), {}).get("download");
  CHECK(download.integer_or("total") == 100);
  CHECK(download.integer_or("leftSeconds") == 5);
}

TEST_CASE("recovery mode is a condition, a problem with what to type, and not ready", "[status]") {
  SmallNode node;
  CHECK(find_condition(conditions_of(node.scene(), {}, "T1"), "Recovery", "") == nullptr);
  CHECK(status_json(node.scene(), {}).get("recovery").is_null());
  node.state.fold(recovery_entered({"ExitCode", "server/two: ended with exit code 7", "", {}}));
  const auto conditions = conditions_of(node.scene(), {}, "T1");
  const auto* recovery = find_condition(conditions, "Recovery", "");
  REQUIRE(recovery != nullptr);
  CHECK(recovery->status == ConditionStatus::kTrue);
  CHECK(recovery->reason == "ExitCode");
  const Json status = status_json(node.scene(), conditions);
  CHECK_FALSE(status.bool_or("ready"));
  CHECK(status.get("recovery").text_or("message") == "server/two: ended with exit code 7");
  REQUIRE(status.items("problems").size() == 1);
  CHECK(status.items("problems")[0].text_or("reason") == "RecoveryMode");
  CHECK_THAT(status.items("problems")[0].text_or("next"),
             Catch::Matchers::ContainsSubstring("klubster recover"));
  CHECK(record_body(node.scene(), conditions).items("conditions").size() == conditions.size());
}

TEST_CASE("a generation is on trial until it was ready, and says whose it is again", "[status]") {
  SmallNode node;
  GenerationFacts facts;
  facts.number = 3;
  facts.rollback_of = 1;
  node.state.fold(generation_made(facts));
  CHECK(status_json(node.scene(), {}).bool_or("trial"));
  CHECK(status_json(node.scene(), {}).integer_or("rollbackOf") == 1);
  node.state.fold(generation_ready(3));
  CHECK_FALSE(status_json(node.scene(), {}).bool_or("trial"));
}

TEST_CASE("a server says what it waits for before there is a cluster, and its id afterwards",
          "[status]") {
  SmallNode node;
  FormingDecision forming;
  forming.held = "the promise of n2";
  forming.say.servers = "list";
  Scene scene = node.scene();
  scene.forming = &forming;
  const auto waiting = conditions_of(scene, {}, "T1");
  const Condition* condition = find_condition(waiting, "InCluster", "");
  REQUIRE(condition != nullptr);
  CHECK(condition->status == ConditionStatus::kFalse);
  CHECK(condition->message == "waiting for the promise of n2");
  CHECK(status_json(scene, {}).get("cluster").text_or("waitingFor") == "the promise of n2");
  CHECK(record_body(scene, {}).get("forming").text_or("servers") == "list");

  forming.held.clear();
  node.state.cluster = ClusterMembership{"c1", true, true};
  const auto formed = conditions_of(scene, {}, "T1");
  CHECK(find_condition(formed, "InCluster", "")->status == ConditionStatus::kTrue);
  const Json cluster = status_json(scene, {}).get("cluster");
  CHECK(cluster.text_or("role") == "init");
  CHECK(cluster.bool_or("commit"));
  node.config.cluster_id = "c1";
  CHECK_FALSE(status_json(scene, {}).get("cluster").bool_or("commit"));
}
