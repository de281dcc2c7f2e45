// Small pieces of klubster-core: versions, hosts, nodes, manifests, what is hidden.
#include "core/bundle.h"
#include "core/cluster.h"
#include "core/core_run.h"
#include "core/dialogue.h"
#include "core/hosts_text.h"
#include "core/stack_health.h"
#include "core/storage_classes.h"
#include "core/version.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

TEST_CASE("a bundle's version has to be the one that the package wants", "[core]") {
  CHECK(version_mistake("0.9.5", {"", "", ""}).empty());
  CHECK(version_mistake("0.9.5", {"v0.9.5", "", ""}).empty());
  CHECK(version_mistake("0.9.5", {"latest", "", ""}).empty());
  CHECK(version_mistake("0.9.5", {"0.9.4", "", ""}) == "expected version 0.9.4, found 0.9.5");
  CHECK(version_mistake("0.9.5", {"", "0.9.10", ""}) ==
        "expected at least version 0.9.10, found 0.9.5");
  CHECK(version_mistake("1.0.0", {"", "0.9.4", "1.0.0"}) ==
        "expected a version below 1.0.0, found 1.0.0");
  CHECK(version_mistake("HEAD", {"", "0.9.4", "1.0.0"}).empty());
}

TEST_CASE("one line of the hosts file is ours, all others stay", "[core]") {
  const std::string others = "127.0.0.1 localhost\n\n10.0.0.9 printer";
  const std::string with = with_hosts_line(others, "10.0.0.1 rancher.lab");
  CHECK(with == others + "\n10.0.0.1 rancher.lab # klubster\n");
  CHECK(with_hosts_line(with, "10.0.0.1 rancher.lab") == with);
  CHECK(with_hosts_line(with, "10.0.0.2 rancher.lab") ==
        others + "\n10.0.0.2 rancher.lab # klubster\n");
  CHECK(with_hosts_line(with, "") == others + "\n");
  CHECK(with_hosts_line(others, "") == others);
}

TEST_CASE("the cluster has exactly its members, or it is told what differs", "[core]") {
  const std::vector<ClusterMember> members = {{"n1", true, {"server"}, {"10.0.0.1"}},
                                              {"n2", false, {"agent"}, {"10.0.0.2"}}};
  CHECK(difference(nodes_in("n1 True\nn2 True\n"), members).empty());
  // Another name in the cluster than here: the address tells.
  CHECK(difference(nodes_in("n1 True\nip-10-0-0-2 10.0.0.2 True\n"), members).empty());
  CHECK(difference(nodes_in("n1 True\n"), members) == "not in the cluster: n2");
  CHECK(difference(nodes_in("n1 True\nn2 10.0.0.2 Unknown\n"), members) == "not Ready: n2");
  CHECK(difference(nodes_in("n1 True\nn2 True\nold 10.0.0.7 True\n"), members) ==
        "in the cluster and no member: old");
}

TEST_CASE("a validation's JSON is found among its tables", "[core]") {
  const auto json = json_among("NAME STATUS\n{not json}\n{\"status\":\"ok\",\"results\":[]}\n");
  REQUIRE(json.has_value());
  CHECK(json->text_or("status") == "ok");
  CHECK(json_among("NAME STATUS\n").error().reason() == "BadJson");
}

TEST_CASE("who answers behind a login is there; who does not answer is not", "[core]") {
  CHECK(answers_well("Rancher", "302"));
  CHECK(answers_well("the registry", "401"));
  CHECK_FALSE(answers_well("the registry", "302"));
  CHECK_FALSE(answers_well("Rancher", "503"));
  CHECK_FALSE(answers_well("Rancher", "000"));
}

TEST_CASE("what Core planned to install has to be there, whatever it says of the result",
          "[core]") {
  const auto run = *parse_json(R"({"components":{
      "longhorn":{"planned_action":"install","result":"pending"},
      "rancher":{"planned_action":"reuse"},"registry":{"planned_action":"install"}}})");
  const StackPresence found{{"the registry"}, {"cert-manager", "Longhorn", "Rancher"}};
  CHECK(not_installed(run, found) == std::vector<std::string>{"Longhorn"});
}

TEST_CASE("Longhorn's is the only default StorageClass, where it is", "[core]") {
  CHECK(class_changes(classes_in("local-path true\n")).empty());
  CHECK(class_changes(classes_in("local-path true\nlonghorn \n")) ==
        std::vector<StorageClass>{{"local-path", false}, {"longhorn", true}});
  CHECK(class_changes(classes_in("longhorn true\nlonghorn-single \nlonghorn-static\n")) ==
        std::vector<StorageClass>{{"longhorn", false}, {"longhorn-single", true}});
  CHECK(class_changes(classes_in("local-path false\nlonghorn true\n")).empty());
}

TEST_CASE("secrets are hidden in what Core prints", "[core]") {
  CHECK(hide("token abc and abc", {"abc", ""}) == "token *** and ***");
}

TEST_CASE("Core is answered question by question, and stopped at one that nobody foresaw",
          "[core]") {
  Interview known({{"Name", "n1", false, true, false}});
  const auto code =
      converse({"/bin/bash", "-c", "printf 'Name [x]: '; IFS= read -r v; [[ $v == n1 ]] && exit 7"},
               known, {}, {});
  REQUIRE(code.has_value());
  CHECK(*code == 7);
  CHECK(known.over());

  Interview unknown({{"Name", "n1", false, true, false}});
  const auto stopped =
      converse({"/bin/bash", "-c", "printf 'Format the disk? [n] (y/n): '; read -r v; echo $v"},
               unknown, {}, {.idle_usec = 5'000'000, .pause_usec = 200'000});
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().reason() == "QuestionUnexpected");
  CHECK(stopped.error().message().find("Format the disk?") != std::string::npos);

  Interview silent({{"Name", "n1", false, true, false}});
  const auto hung = converse({"/bin/sleep", "60"}, silent, {}, {.idle_usec = 200'000});
  REQUIRE_FALSE(hung.has_value());
  CHECK(hung.error().reason() == "TimedOut");
}
