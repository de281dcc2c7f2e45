// The picture of a profile.
#include "unpack/graph.h"

#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"
#include "tests/unit/unpack/dot_grammar.h"

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

// As dot takes it: the grammar always, dot itself where it is installed.
TEST_CASE("dot takes the graph of any profile, and every edge ends at what was drawn", "[graph]") {
  Profile profile = cluster_profile();
  const std::string words =
      GENERATE(as<std::string>{}, "demo", "a\"]; evil [label=\"", "\\", "\\\"", "-> {};", "node",
               "\xc3\xa9\xe2\x82\xac", "tab\tand\nline", "<b>bold</b>", "/* no comment */ // #");
  profile.name = profile.version = words;
  profile.modes["agent"][0].when_is = words;
  profile.modes["agent"][0].start_unit = words;
  profile.modes["stack"];  // a phase without steps
  const std::string text = profile_graph(profile);
  INFO(text);

  const DotGraph graph = DotReader(text).read();
  CHECK(graph.subgraphs ==
        std::set<std::string>{"cluster agent", "cluster server", "cluster stack"});
  CHECK(graph.nodes.count("agent/join") == 1);
  CHECK(graph.edges.size() == 4);
  for (const auto& edge : graph.edges) {
    CHECK(graph.nodes.count(edge.from) == 1);
    CHECK(graph.nodes.count(edge.to) == 1);
    const auto tail = edge.attributes.find("ltail");
    if (tail != edge.attributes.end()) CHECK(graph.subgraphs.count(tail->second) == 1);
  }

  if (std::system("command -v dot >/dev/null 2>&1") != 0) {
    WARN("dot is not installed: the grammar alone was checked");
    return;
  }
  const TempDir place;
  write_text(place / "graph.dot", text);
  const std::string command =
      "dot -Tplain '" + place.path() + "/graph.dot' >/dev/null 2>'" + place.path() + "/said'";
  CHECK(std::system(command.c_str()) == 0);
  CHECK(file_text(place / "said") == "");
}
