// Servers that form a cluster in memory: each has a durable log, forgets the rest when it crashes,
// and hears what others said late, out of order, twice or never.
//
// Thousands of schedules have to pass in milliseconds: what a node says is made once, when it
// changes, and shared by all who hear it; and who has heard nothing new since it decided is not
// asked again, since the decision is pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/forming.h"
#include "tests/unit/catch.h"

namespace klubster {

class FormingWorld {
 public:
  using Id = std::size_t;  // of a node: in the order in which they were added
  static constexpr std::size_t kMostNodes = 8;

  // What a node said at one moment.
  struct Word {
    std::uint64_t version = 0;  // of the one who says it: grows, also over a wipe
    bool spoken = false;        // by its daemon
    bool server_ready = false;
    RecordForming say;
  };
  using WordPtr = std::shared_ptr<const Word>;

  struct Node {
    std::string name;
    FormingConfig config;
    NodeState state;  // durable
    bool up = false;
    bool spoken = false;
    bool ready = false;
    bool has_news = true;  // since it decided
    RecordForming say;
    std::string held;
    std::string admits;
    WordPtr word;                                    // what it says now
    std::array<WordPtr, kMostNodes> heard;           // from themselves
    std::array<WordPtr, kMostNodes> hearsay;         // from others
    std::array<unsigned, kMostNodes> failures = {};  // of calls, in a row
    std::vector<FormingPeer> peers;                  // all of that, as the decision wants it
  };

  explicit FormingWorld(unsigned seed) : chance_(seed) {}

  std::size_t below(std::size_t limit) { return chance() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  // Servers and agents; all of them before the first is configured.
  void add(std::string name) {
    nodes_.emplace_back().name = std::move(name);
    REQUIRE(nodes_.size() <= kMostNodes);
  }
  void configure(Id id, const std::vector<std::string>& servers, const std::string& first,
                 bool majority = false) {
    Node& node = nodes_.at(id);
    FormingConfig& config = node.config;
    config.node = node.name;
    config.servers = servers;
    config.first_server = first;
    config.majority = majority;
    config.is_server = std::find(servers.begin(), servers.end(), node.name) != servers.end();
    config.list = first + (majority ? "/m" : "/a");
    for (const auto& server : servers)
      config.list += "," + server;
    node.has_news = true;
    if (!config.others.empty()) return;
    for (const Node& other : nodes_) {
      if (&other != &node) config.others.push_back(other.name);
    }
    forget(node);
  }
  std::size_t size() const { return nodes_.size(); }
  const Node& node(Id id) const { return nodes_.at(id); }
  Id any() { return below(nodes_.size()); }

  void boot(Id id) {
    crash(id);
    nodes_.at(id).up = true;
  }
  void crash(Id id) { forget(nodes_.at(id)); }
  void wipe(Id id) {
    crash(id);
    nodes_.at(id).state = {};
    wiped_ = true;
  }
  void cut(Id a, Id b) { cuts_[a][b] = cuts_[b][a] = true; }
  void heal() { cuts_ = {}; }

  // `a` calls `b`: both hear what the other says now, unless the answer is lost.
  void call(Id a, Id b) {
    Node& caller = nodes_.at(a);
    if (a == b || !caller.up) return;
    Node& called = nodes_.at(b);
    if (!called.up || cuts_[a][b]) return fail(a, b);
    const WordPtr question = caller.word, answer = called.word;
    hear(b, a, question);
    if (lossy_ && one_in(4)) return fail(a, b);
    hear(a, b, answer);
    // What each knows of the others goes with it.
    relay(a, b);
    relay(b, a);
  }
  // What somebody said, on its way; delivered later or never.
  void send_late(Id a, Id b) {
    if (a != b && nodes_.at(a).up) late_.push_back({a, b, nodes_.at(a).word});
  }
  void deliver_late() {
    if (late_.empty()) return;
    const std::size_t at = below(late_.size());
    const Late message = late_[at];
    if (!one_in(4)) late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(at));  // else twice
    if (nodes_.at(message.to).up && !cuts_[message.from][message.to]) {
      hear(message.to, message.from, message.word);
    }
  }

  // Decides and acts, as the daemon does; may die before and after each write.
  void decide(Id id, bool may_crash) {
    Node& node = nodes_.at(id);
    if (!node.up || !node.has_news) return;
    for (int round = 0;; ++round) {
      if (round > 10) FAIL("the decision does not come to rest");
      FormingNow now;
      now.random = random();
      now.admits = node.admits;
      now.server_ready = node.ready;
      now.server_begun = node.ready;
      FormingDecision decision = decide_forming(node.config, node.state, node.peers, now);
      if (decision.events.empty()) return rest(node, std::move(decision));
      if (may_crash && one_in(8)) return crash(id);
      for (const auto& event : decision.events) {
        check_step(id, event);
        node.state.fold(event);
      }
      check();
      if (may_crash && one_in(8)) return crash(id);
    }
  }
  // Its server phase gets done when it may.
  void serve(Id id) {
    Node& node = nodes_.at(id);
    if (node.ready || !node.up || !node.spoken || !node.held.empty()) return;
    if (!node.config.is_server || !node.state.cluster) return;
    check_turn(node);
    node.ready = true;
    speak(node);
    node.has_news = true;
  }

  // What must hold of each step by itself, as peers.md says it. Two clusters come of a broken rule
  // only where several things go wrong at once; here one is enough. To be asked before the log has
  // changed.
  void check_step(Id id, const Event& event) {
    const Node& node = nodes_.at(id);
    if (event.type == "ClusterPromised") check_promise(node, event);
    if (event.type == "ClusterInitiated") check_initiation(id);
    if (event.type == "ClusterJoined" && !hears_of(node, event.data.text_or("id"))) {
      FAIL(node.name << " joins a cluster of which no member told it itself");
    }
  }
  // Never two clusters: of all logs that there are. Where the first server was wiped, somebody may
  // still hold the id of what went with it: that is no cluster, since nothing ever serves there.
  // To be asked whenever a log has changed.
  void check() const {
    const std::string *known = nullptr, *serving = nullptr;
    int initiated = 0;
    for (const Node& node : nodes_) {
      if (!node.state.cluster) continue;
      const ClusterMembership& cluster = *node.state.cluster;
      if (known != nullptr && *known != cluster.id && !wiped_) FAIL("two ids");
      known = &cluster.id;
      initiated += cluster.initiated ? 1 : 0;
      if (!cluster.initiated && !cluster.settled) continue;
      if (serving != nullptr && *serving != cluster.id) FAIL("two clusters");
      serving = &cluster.id;
    }
    if (initiated > 1) FAIL("two clusters");
  }
  // Whether ids of a cluster that was wiped are still about.
  bool is_torn() const {
    const std::string* known = nullptr;
    for (const Node& node : nodes_) {
      if (!node.state.cluster) continue;
      if (known != nullptr && *known != node.state.cluster->id) return true;
      known = &node.state.cluster->id;
    }
    return false;
  }
  bool all_in_one() const {
    return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
      return node.state.cluster && (!node.config.is_server || node.state.cluster->settled);
    });
  }
  // Somebody has an id, and nobody the cluster: the one that formed it was wiped in the midst.
  bool is_lost() const {
    bool known = false, carried = false;
    for (const Node& node : nodes_) {
      if (!node.state.cluster) continue;
      known = true;
      carried = carried || node.state.cluster->initiated || node.state.cluster->settled;
    }
    return known && !carried;
  }
  void set_lossy(bool lossy) { lossy_ = lossy; }
  void forget_late() { late_.clear(); }

 private:
  struct Late {
    Id from = 0, to = 0;
    WordPtr word;
  };

  struct Promise {
    std::string by;
    PromisedCluster promised;
  };

  // Whether somebody who is in that cluster, or in any, said so itself.
  static bool hears_of(const Node& node, const std::string& cluster) {
    return std::any_of(node.heard.begin(), node.heard.end(), [&](const WordPtr& word) {
      return word && (cluster.empty() ? !word->say.id.empty() : word->say.id == cluster);
    });
  }
  static void check_knows_of_none(const Node& node) {
    if (node.state.cluster || hears_of(node, "")) FAIL(node.name << " knows of a cluster");
  }
  // Promised is to the first server of one's own tree, of the same list, for good.
  void check_promise(const Node& node, const Event& event) {
    const PromisedCluster promise{event.data.text_or("to"), event.data.text_or("machine"),
                                  event.data.text_or("seeks"), event.data.text_or("servers")};
    const auto& before = node.state.promised;
    check_knows_of_none(node);
    if (!node.config.is_server || promise.to != node.config.first_server) {
      FAIL(node.name << " promises who is not first, or is no server");
    }
    if (promise.servers != node.config.list) FAIL(node.name << " promises against another list");
    if (before && (before->to != promise.to || before->machine != promise.machine)) {
      FAIL(node.name << " breaks its promise");
    }
    promises_.push_back({node.name, promise});
  }
  // All of what peers.md demands of the one that forms the cluster. A promise counts when it was
  // durable, whatever was said of it.
  void check_initiation(Id id) const {
    const Node& node = nodes_.at(id);
    const FormingConfig& config = node.config;
    check_knows_of_none(node);
    if (config.first_server != node.name || node.state.promised) {
      FAIL(node.name << " forms a cluster, and another one is to do so");
    }
    const auto has_promised = [&](const std::string& name) {
      return std::any_of(promises_.begin(), promises_.end(), [&](const Promise& one) {
        return one.by == name && one.promised.to == node.name && node.state.sought &&
               one.promised.seeks == node.state.sought->seeks &&
               one.promised.servers == config.list;
      });
    };
    std::size_t servers = 0, promised = 0;
    for (Id other = 0; other < nodes_.size(); ++other) {
      if (other == id) continue;
      const bool has_spoken = node.heard[other] && node.heard[other]->spoken;
      if (!has_spoken && node.failures[other] < 3) {
        FAIL(node.name << " forms a cluster without having asked " << nodes_[other].name);
      }
      const std::string& name = nodes_[other].name;
      if (std::find(config.servers.begin(), config.servers.end(), name) == config.servers.end()) {
        continue;
      }
      ++servers;
      if (has_spoken && has_promised(name)) ++promised;
    }
    // Of three servers both others, of five three of the others.
    const bool is_enough =
        config.majority && servers > 0 ? 2 * promised > servers : promised == servers;
    if (!is_enough) FAIL(node.name << " forms a cluster by " << promised << " promises");
  }
  // Who joins was let in by a server that is ready.
  static void check_turn(const Node& node) {
    const ClusterMembership& cluster = *node.state.cluster;
    if (cluster.initiated || cluster.settled) return;
    const bool is_let_in =
        std::any_of(node.heard.begin(), node.heard.end(), [&](const WordPtr& word) {
          return word && word->server_ready && word->say.id == cluster.id &&
                 word->say.admits == node.name;
        });
    if (!is_let_in) FAIL(node.name << " joins before its turn");
  }

  // Splitmix64: begins at once, where the library's generators fill a table first.
  std::uint64_t chance() {
    std::uint64_t mixed = chance_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
  }
  // 32 hex digits that were never used before, told apart by the first of them, which make an id.
  std::string random() {
    std::string digits(32, '0');
    std::uint64_t number = ++randoms_;
    for (std::size_t i = 0; number > 0; ++i, number /= 16)
      digits[i] = "0123456789abcdef"[number % 16];
    return digits;
  }
  // All but its log and tree.
  void forget(Node& node) {
    node.up = node.spoken = node.ready = false;
    node.has_news = true;
    node.say = {};
    node.held.clear();
    node.admits.clear();
    node.heard = {};
    node.hearsay = {};
    node.failures = {};
    node.peers.resize(nodes_.size() - 1);
    for (std::size_t i = 0; i < node.peers.size(); ++i) {
      FormingPeer& peer = node.peers[i] = {};
      peer.name = node.config.others[i];
      peer.is_member = true;
      peer.machine = "m. of " + peer.name;
    }
    speak(node);
  }
  void speak(Node& node) {
    node.word = std::make_shared<const Word>(Word{++version_, node.spoken, node.ready, node.say});
  }
  // It has decided, and says so.
  void rest(Node& node, FormingDecision decision) {
    const bool says_more = !node.spoken || node.say != decision.say;
    node.has_news = node.admits != decision.say.admits;  // which goes into the next decision
    node.admits = decision.say.admits;
    node.held = std::move(decision.held);
    node.spoken = true;
    if (!says_more) return;
    node.say = std::move(decision.say);
    speak(node);
  }
  void hear(Id who, Id from, const WordPtr& word) {
    Node& node = nodes_.at(who);
    const bool is_newer = !node.heard[from] || node.heard[from]->version < word->version;
    FormingPeer& peer = peer_of(node, who, from);
    if (node.failures[from] > 0) {
      node.failures[from] = 0;
      peer.silent = peer.unreachable = false;
      node.has_news = true;
    }
    if (!is_newer) return;
    node.heard[from] = word;
    node.has_news = true;
    peer.answered = word->spoken;
    peer.said = word->say;
    peer.server_ready = word->server_ready;
    peer.own_word = !word->say.id.empty();
    find_cluster(node, who, from);
  }
  void fail(Id who, Id at) {
    Node& node = nodes_.at(who);
    const unsigned failures = ++node.failures[at];
    if (failures != 1 && failures != 3) return;
    FormingPeer& peer = peer_of(node, who, at);
    peer.silent = true;
    peer.unreachable = failures >= 3;
    node.has_news = true;
  }
  void relay(Id to, Id from) {
    Node& node = nodes_.at(to);
    const auto& told = nodes_.at(from).heard;
    for (Id about = 0; about < nodes_.size(); ++about) {
      if (about == to || !told[about]) continue;
      if (node.hearsay[about] && node.hearsay[about]->version >= told[about]->version) continue;
      node.hearsay[about] = told[about];
      find_cluster(node, to, about);
    }
  }
  static FormingPeer& peer_of(Node& node, Id self, Id other) {
    return node.peers[other < self ? other : other - 1];
  }
  // Of the other, by its own word or the newer one that was passed on.
  static void find_cluster(Node& node, Id self, Id other) {
    FormingPeer& peer = peer_of(node, self, other);
    const Word *word = node.heard[other].get(), *rumour = node.hearsay[other].get();
    const bool is_own =
        word != nullptr && (rumour == nullptr || peer.own_word || rumour->version <= word->version);
    const std::string& id = is_own ? word->say.id : rumour->say.id;
    if (peer.cluster_id == id) return;
    peer.cluster_id = id;
    node.has_news = true;
  }

  std::uint64_t chance_;
  std::vector<Node> nodes_;
  std::array<std::array<bool, kMostNodes>, kMostNodes> cuts_ = {};
  std::vector<Late> late_;
  std::vector<Promise> promises_;  // that were durable at any time
  std::uint64_t version_ = 0, randoms_ = 0;
  bool lossy_ = true;
  bool wiped_ = false;
};

}  // namespace klubster
