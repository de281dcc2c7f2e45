// Forming a cluster: the rules one by one, and thousands of schedules that must never make two.
#include "engine/forming.h"

#include <algorithm>

#include "tests/unit/catch.h"
#include "tests/unit/engine/forming_world.h"

using namespace klubster;

namespace {

const std::string kRandom = "0123456789abcdef0123456789abcdef";

FormingConfig three(const std::string& node) {
  FormingConfig config;
  config.node = node;
  config.first_server = "n1";
  config.is_server = true;
  config.servers = {"n1", "n2", "n3"};
  for (const auto& name : config.servers) {
    if (name != node) config.others.push_back(name);
  }
  config.list = "list";
  return config;
}

FormingPeer peer(const std::string& name) {
  FormingPeer made;
  made.name = name;
  made.is_member = true;
  made.answered = true;
  made.machine = "machine of " + name;
  made.said.servers = "list";
  return made;
}

FormingPeer promises(const std::string& name, const std::string& seeks) {
  FormingPeer made = peer(name);
  made.said.promise = {"n1", seeks, "list"};
  return made;
}

FormingPeer of_cluster(const std::string& name, const std::string& id) {
  FormingPeer made = peer(name);
  made.cluster_id = made.said.id = id;
  made.own_word = true;
  return made;
}

// A node's log, and what comes of it.
struct One {
  FormingConfig config;
  NodeState state = {};
  std::vector<FormingPeer> peers = {};
  FormingNow now = {};

  FormingDecision decide() {
    now.random = kRandom;
    for (;;) {
      FormingDecision decision = decide_forming(config, state, peers, now);
      if (decision.events.empty()) return decision;
      for (const auto& event : decision.events) {
        state.fold(event);
        types.push_back(event.type);
      }
    }
  }
  std::vector<std::string> types = {};
};

bool saw(const One& one, const std::string& type) {
  return std::find(one.types.begin(), one.types.end(), type) != one.types.end();
}

}  // namespace

TEST_CASE("the first server asks for promises, and forms when all others have given them",
          "[forming]") {
  One n1{three("n1")};
  const FormingDecision asking = n1.decide();
  CHECK(asking.say.seeks == kRandom);
  CHECK(asking.held == "the promise of n2, n3 that this server may form the cluster");
  n1.peers = {promises("n2", kRandom), peer("n3")};
  CHECK(n1.decide().held == "the promise of n3 that this server may form the cluster");
  n1.peers[1] = promises("n3", kRandom);
  CHECK(n1.decide().held.empty());
  REQUIRE(n1.state.cluster);
  CHECK(n1.state.cluster->initiated);
  CHECK(cluster_role(n1.state.cluster) == "init");
}

TEST_CASE(
    "a promise that was given to another asking, another list or another server counts nothing",
    "[forming]") {
  One n1{three("n1")};
  n1.decide();
  n1.peers = {promises("n2", kRandom), promises("n3", kRandom)};
  SECTION("another asking") {
    n1.peers[1].said.promise.seeks = "of before the wipe";
  }
  SECTION("another list") {
    n1.peers[1].said.promise.servers = "another";
  }
  SECTION("another server") {
    n1.peers[1].said.promise.to = "n2";
  }
  SECTION("not by its own word since the start") {
    n1.peers[1].answered = false;
  }
  CHECK(n1.decide().held.starts_with("the promise of n3"));
  CHECK_FALSE(n1.state.cluster);
}

TEST_CASE("a lone server needs nobody, but asks whom it can reach", "[forming]") {
  One n1{three("n1")};
  n1.config.servers = {"n1"};
  CHECK(n1.decide().held == "a word of n2, n3 whether there is a cluster already");
  n1.peers = {peer("n2"), peer("n3")};
  n1.peers[1].answered = false;
  CHECK(n1.decide().held == "a word of n3 whether there is a cluster already");
  n1.peers[1].unreachable = true;
  CHECK(n1.decide().held.empty());
  CHECK(saw(n1, "ClusterInitiated"));
  One alone{three("n1")};
  alone.config.servers = {"n1"};
  alone.config.others.clear();
  alone.decide();
  CHECK(saw(alone, "ClusterInitiated"));
}

TEST_CASE("with init-quorum majority a strict majority of the others is enough", "[forming]") {
  const auto [servers, needed] =
      GENERATE(table<std::size_t, std::size_t>({{2, 1}, {3, 2}, {4, 2}, {5, 3}, {7, 4}}));
  One n1{three("n1")};
  n1.config.majority = true;
  n1.config.servers = {"n1"};
  n1.config.others.clear();
  for (std::size_t i = 2; i <= servers; ++i) {
    n1.config.servers.push_back("n" + std::to_string(i));
    n1.config.others.push_back(n1.config.servers.back());
  }
  n1.decide();
  for (std::size_t i = 0; i < n1.config.others.size(); ++i) {
    CHECK(n1.state.cluster.has_value() == (i >= needed));
    for (const auto& name : n1.config.others) {
      if (std::any_of(n1.peers.begin(), n1.peers.end(),
                      [&](const FormingPeer& one) { return one.name == name; })) {
        continue;
      }
      n1.peers.push_back(peer(name));
      n1.peers.back().answered = false;
      n1.peers.back().unreachable = true;
    }
    n1.peers[i] = promises(n1.config.others[i], kRandom);
    n1.decide();
  }
  CHECK(n1.state.cluster);
}

TEST_CASE("a server promises the first one and then forms no cluster itself", "[forming]") {
  One n2{three("n2")};
  CHECK(n2.decide().held == "n1 to form the cluster");
  n2.peers = {peer("n1"), peer("n3")};
  n2.peers[0].said.seeks = "a";
  CHECK(n2.decide().say.promise == RecordPromise{"n1", "a", "list"});
  // The tree changes: it is the first one now, and bound.
  n2.config.first_server = "n2";
  n2.config.list = "another";
  n2.peers = {promises("n1", ""), promises("n3", "")};
  const FormingDecision bound = n2.decide();
  CHECK(bound.say.seeks.empty());
  CHECK(bound.held.starts_with("n1 to form the cluster"));
  // Nor does it promise another one.
  n2.config.first_server = "n3";
  n2.peers[1] = peer("n3");
  n2.peers[1].said.servers = "another";
  n2.peers[1].said.seeks = "b";
  CHECK(n2.decide().say.promise.to == "n1");
}

TEST_CASE("a first server that was wiped gets a new promise, another machine does not",
          "[forming]") {
  One n2{three("n2")};
  n2.peers = {peer("n1")};
  n2.peers[0].said.seeks = "a";
  n2.decide();
  n2.peers[0].said.seeks = "b";
  CHECK(n2.decide().say.promise.seeks == "b");
  n2.peers[0].said.seeks = "c";
  n2.peers[0].machine = "another machine";
  const FormingDecision refused = n2.decide();
  CHECK(refused.reason == "PromiseBinds");
  CHECK(refused.say.promise.seeks == "b");
}

TEST_CASE("nobody promises whom its own tree does not call the first server", "[forming]") {
  One n2{three("n2")};
  n2.peers = {peer("n1"), peer("n3")};
  SECTION("n3 asks") {
    n2.peers[1].said.seeks = "a";
  }
  SECTION("n1 has another list") {
    n2.peers[0].said.seeks = "a";
    n2.peers[0].said.servers = "another";
  }
  n2.decide();
  CHECK_FALSE(n2.state.promised);
}

TEST_CASE("who hears of a cluster joins it, also a first server that was wiped", "[forming]") {
  One n1{three("n1")};
  n1.decide();
  n1.peers = {promises("n2", kRandom), of_cluster("n3", "c1")};
  const FormingDecision joined = n1.decide();
  CHECK(n1.state.cluster->id == "c1");
  CHECK(cluster_role(n1.state.cluster) == "join");
  CHECK(joined.held == "a ready server of cluster c1 to join: n2, n3");
}

TEST_CASE("a word about a cluster that others pass on stops the forming", "[forming]") {
  One n1{three("n1")};
  n1.decide();
  n1.peers = {promises("n2", kRandom), promises("n3", kRandom)};
  n1.peers.push_back(peer("n4"));  // an agent
  n1.peers[2].answered = false;
  n1.peers[2].cluster_id = "c1";
  CHECK(n1.decide().held == "a word of n4 itself about cluster c1");
  n1.peers[2].cluster_id = "";
  n1.peers[1].cluster_id = "c1";
  n1.peers[0].cluster_id = "c2";
  CHECK(n1.decide().reason == "ClusterDiffers");
  CHECK_FALSE(n1.state.cluster);
}

TEST_CASE("who does not belong to the members has no say", "[forming]") {
  One n2{three("n2")};
  n2.peers = {of_cluster("n9", "c9")};
  n2.peers[0].is_member = false;
  n2.decide();
  CHECK_FALSE(n2.state.cluster);
}

TEST_CASE("with cluster/id in the tree nobody forms a cluster", "[forming]") {
  One n1{three("n1")};
  n1.config.cluster_id = "known";
  n1.config.servers = {"n1"};
  n1.config.others.clear();
  const FormingDecision decision = n1.decide();
  CHECK(cluster_role(n1.state.cluster) == "join");
  CHECK(decision.held ==
        "a ready server of cluster known to join, but members/ lists no other server");
}

TEST_CASE("a log that is damaged forms nothing", "[forming]") {
  One n1{three("n1")};
  n1.now.damaged = true;
  n1.peers = {promises("n2", kRandom), promises("n3", kRandom)};
  CHECK(n1.decide().reason == "LogDamaged");
  n1.peers = {of_cluster("n2", "c1")};
  n1.decide();
  CHECK(n1.state.cluster->id == "c1");
}

TEST_CASE("a cluster that is older than its id goes on", "[forming]") {
  One n1{three("n1")};
  n1.state.subjects["server/etcd"].starts = 1;
  n1.state.subjects["server/etcd"].done_fingerprint = "f";
  CHECK(n1.decide().held.empty());
  CHECK(cluster_role(n1.state.cluster) == "init");
  CHECK(n1.state.cluster->settled);
  One again{three("n1")};
  again.state = n1.state;
  again.state.fold(left());
  again.state.gone = false;
  CHECK_FALSE(again.decide().held.empty());
}

TEST_CASE("a node that leaves or is in recovery mode neither asks nor promises", "[forming]") {
  One n1{three("n1")};
  n1.now.idle = true;
  CHECK(n1.decide().say.seeks.empty());
  One n2{three("n2")};
  n2.now.idle = true;
  n2.peers = {peer("n1")};
  n2.peers[0].said.seeks = "a";
  n2.decide();
  CHECK(n1.types.empty());
  CHECK(n2.types.empty());
}

TEST_CASE("a ready server lets the others join one at a time", "[forming]") {
  One n1{three("n1")};
  n1.state.fold(cluster_initiated({"c1", "list", {}, "", false}));
  n1.now.server_ready = true;
  CHECK(n1.decide().say.admits.empty());
  CHECK(n1.state.cluster->settled);
  n1.peers = {of_cluster("n2", "c1"), of_cluster("n3", "c1")};
  n1.peers[1].said.turn = kTurnWaits;
  n1.now.admits = n1.decide().say.admits;
  CHECK(n1.now.admits == "n3");
  n1.peers[0].said.turn = kTurnWaits;  // n2 comes later, and waits
  CHECK(n1.decide().say.admits == "n3");
  n1.now.admits.clear();  // the daemon was restarted: n3 has begun
  n1.peers[1].said.turn = kTurnJoins;
  CHECK(n1.decide().say.admits == "n3");
  n1.peers[1].said.turn.clear();  // it has joined
  CHECK(n1.decide().say.admits == "n2");
  n1.peers[0].silent = true;
  CHECK(n1.decide().say.admits.empty());
}

TEST_CASE("who joins waits for its turn, and says whose it is", "[forming]") {
  One n3{three("n3")};
  n3.peers = {of_cluster("n1", "c1"), of_cluster("n2", "c1")};
  n3.peers[0].server_ready = true;
  n3.peers[0].said.admits = "n2";
  const FormingDecision waits = n3.decide();
  CHECK(waits.held == "n2 to have joined cluster c1");
  CHECK(waits.say.turn == kTurnWaits);
  n3.peers[0].said.admits = "n3";
  CHECK(n3.decide().held.empty());
  n3.now.server_begun = true;
  CHECK(n3.decide().say.turn == kTurnJoins);
  n3.now.server_ready = true;
  CHECK(n3.decide().say.turn.empty());
  CHECK(saw(n3, "ClusterSettled"));
  // From then on it needs nobody to come back.
  n3.peers.clear();
  n3.now = {};
  CHECK(n3.decide().held.empty());
}

TEST_CASE("a join that failed for good gives its turn away", "[forming]") {
  One n3{three("n3")};
  n3.peers = {of_cluster("n1", "c1")};
  n3.now.server_begun = n3.now.server_failed = true;
  CHECK(n3.decide().say.turn.empty());
}

TEST_CASE("force overrides the rules on a server that serves in no cluster", "[forming]") {
  One n1{three("n1")};
  n1.decide();
  const auto forced = force_cluster(n1.config, n1.state, kRandom, "root");
  REQUIRE(forced);
  CHECK(forced->data.text_or("by") == "root");
  n1.state.fold(*forced);
  CHECK(n1.decide().held.empty());
  n1.state.fold(cluster_settled("x"));
  CHECK(force_cluster(n1.config, n1.state, kRandom, "root").error().reason() == "ClusterExists");
  FormingConfig agent = three("n1");
  agent.is_server = false;
  CHECK(force_cluster(agent, {}, kRandom, "root").error().reason() == "NotServer");
}

namespace {

struct Chaos {
  bool wipes = false;
  bool first_changes = false;
  bool grows = false;
  bool majority = false;
};

// One schedule: anything may happen for a while, then nothing bad any more.
void run_schedule(unsigned seed, std::size_t servers, const Chaos& chaos) {
  INFO("seed " << seed << ", " << servers << " servers");
  FormingWorld world(seed);
  std::vector<std::string> list;
  for (std::size_t i = 1; i <= servers; ++i) {
    list.push_back("n" + std::to_string(i));
    world.add(list.back());
  }
  world.add("agent");
  const std::vector<std::string> begin = chaos.grows ? std::vector<std::string>{"n1"} : list;
  for (std::size_t id = 0; id < world.size(); ++id)
    world.configure(id, begin, "n1", chaos.majority);
  const std::string last_first = chaos.first_changes && world.one_in(2) ? "n2" : "n1";

  for (int step = 0; step < 160; ++step) {
    const std::size_t a = world.any(), b = world.any();
    switch (world.below(12)) {
      case 0:
        world.boot(a);
        break;
      case 1:
        if (world.one_in(3)) world.crash(a);
        break;
      case 2:
        world.cut(a, b);
        break;
      case 3:
        if (world.one_in(3)) world.heal();
        break;
      case 4:
        world.send_late(a, b);
        break;
      case 5:
        world.deliver_late();
        break;
      case 6:
        if (chaos.wipes && world.one_in(6)) world.wipe(chaos.majority ? 0 : a);
        break;
      case 7:
        if (chaos.grows && world.one_in(2)) world.configure(a, list, "n1", chaos.majority);
        if (chaos.first_changes) {
          world.configure(a, list, world.one_in(2) ? "n1" : "n2", chaos.majority);
        }
        break;
      case 8:
        world.serve(a);
        break;
      default:
        world.call(a, b);
    }
    // A daemon may be asked before it has decided on what it heard.
    if (!world.one_in(4)) world.decide(a, true);
    if (!world.one_in(4)) world.decide(b, true);
  }

  // From now on it is fair.
  world.heal();
  world.set_lossy(false);
  world.forget_late();
  for (std::size_t id = 0; id < world.size(); ++id) {
    world.configure(id, list, last_first, chaos.majority);
    if (!world.node(id).up) world.boot(id);
  }
  for (int round = 0; round < 40 && !world.all_in_one(); ++round) {
    for (std::size_t a = 0; a < world.size(); ++a) {
      for (std::size_t b = 0; b < world.size(); ++b)
        world.call(a, b);
      world.decide(a, false);
      world.serve(a);
      world.decide(a, false);
    }
  }
  // Where the first server changed in the midst, promises may bind for ever: then a person decides.
  const bool may_stall = chaos.first_changes || world.is_lost() || world.is_torn();
  CHECK((world.all_in_one() || may_stall));
}

}  // namespace

TEST_CASE(
    "no schedule of boots, partitions, losses and crashes makes two clusters, and fair ones make "
    "one",
    "[forming][schedules]") {
  for (unsigned seed = 0; seed < 2000; ++seed)
    run_schedule(seed, 1 + seed % 5, {});
}

TEST_CASE("nor does one with wipes of any node", "[forming][schedules]") {
  for (unsigned seed = 0; seed < 2000; ++seed)
    run_schedule(seed, 1 + seed % 4, {.wipes = true});
}

TEST_CASE("nor one in which the list grows from one to several", "[forming][schedules]") {
  for (unsigned seed = 0; seed < 2000; ++seed)
    run_schedule(seed, 2 + seed % 3, {.grows = true});
}

TEST_CASE("nor one in which the trees disagree who is first", "[forming][schedules]") {
  for (unsigned seed = 0; seed < 2000; ++seed)
    run_schedule(seed, 2 + seed % 3, {.wipes = seed % 2 == 0, .first_changes = true});
}

TEST_CASE("nor one in which a majority is enough", "[forming][schedules]") {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    run_schedule(seed, 2 + seed % 4, {.first_changes = seed % 3 == 0, .majority = true});
  }
}
