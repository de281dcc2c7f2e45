// The picture of a profile.
#include "unpack/graph.h"

#include "tests/unit/catch.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

StepSpec step(const std::string& id, const std::vector<std::string>& after = {}) {
  StepSpec made;
  made.id = id;
  made.run = {"bin/" + id};
  made.after = after;
  return made;
}

Profile cluster_profile() {
  Profile profile;
  profile.name = "demo";
  profile.version = "1.0";
  auto etcd = step("etcd", {"prepare"});
  etcd.kind = StepKind::kService;
  etcd.unit_name = "etcd.service";
  etcd.needs = {{"server", "Ready", "1"}};
  auto join = step("join");
  join.needs = {{"server", "Ready", "any"}, {"stack", "Ready", "all"}};
  join.when_input = "FEATURE";
  join.when_is = "true";
  profile.modes["server"] = {step("prepare"), etcd};
  profile.modes["agent"] = {join};
  return profile;
}

}  // namespace

TEST_CASE("a profile's graph has a cluster per phase and edges for after and needs", "[graph]") {
  CHECK(profile_graph(cluster_profile()) ==
        R"(digraph "demo 1.0" {
  graph [rankdir=LR, compound=true];
  node [shape=box];
  subgraph "cluster agent" {
    label="agent";
    "agent/join" [label="join\ntask\nwhen FEATURE is true"];
  }
  subgraph "cluster server" {
    label="server";
    "server/prepare" [label="prepare\ntask"];
    "server/etcd" [label="etcd\nservice\nas etcd.service", style=bold];
    "server/prepare" -> "server/etcd";
  }
  "server/etcd" -> "agent/join" [style=dashed, label="any server Ready", ltail="cluster server"];
  "peers stack" [shape=ellipse];
  "peers stack" -> "agent/join" [style=dashed, label="all stack Ready"];
  "peers server" [shape=ellipse];
  "peers server" -> "server/etcd" [style=dashed, label="1 server Ready"];
}
)");
}

TEST_CASE("nothing of a profile's words gets out of its quotes", "[graph]") {
  Profile profile = cluster_profile();
  profile.name = "a\"]; evil [label=\"";
  profile.version = "\\N\n\x1b[31m";
  profile.modes["agent"][0].when_is = "\" \\G \n}";
  const std::string text = profile_graph(profile);
  CHECK_THAT(text, ContainsSubstring(R"(digraph "a\"]; evil [label=\" \\N\\x0a\\x1b[31m" {)"));
  CHECK_THAT(text, ContainsSubstring(R"(when FEATURE is \" \\G \\x0a}"])"));
}

TEST_CASE("a profile without modes is an empty graph", "[graph]") {
  Profile profile;
  profile.name = "upstream";
  profile.version = "0.9";
  CHECK(profile_graph(profile) ==
        "digraph \"upstream 0.9\" {\n  graph [rankdir=LR, compound=true];\n"
        "  node [shape=box];\n}\n");
}
