// As many nodes as are asked for, all but one of them played by this process, around one real
// klubster-peerd: real certificates, real TLS, the rates of peers.md. Prints "name value" lines;
// scripts/lib/bench-peers reads them.
//
//   peers-load PEERD NODES REST-SECONDS CHANGES [SOAK-SECONDS]
//
// To be run in a network namespace of its own, whose loopback carries nothing else. With
// SOAK-SECONDS it goes on like that and prints memory and descriptors of klubster-peerd every ten
// seconds.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "base/digest.h"
#include "base/names.h"
#include "base/utc_time.h"
#include "http/client.h"
#include "linux/bus.h"
#include "model/token.h"
#include "peer/certificate.h"
#include "peer/client_tls.h"
#include "peer/partners.h"
#include "peer/server.h"
#include "peer/wire.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

constexpr const char* kTarget = "target";
constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kSyncUsec = 30 * kSecond;
constexpr int kExchanges = 300;
constexpr unsigned kMaxFailures = 100;

[[noreturn]] void fail(const std::string& message) {
  std::cerr << "peers-load: " << message << "\n";
  std::exit(1);
}

template <typename T>
T take(Result<T> result, const char* what) {
  if (!result) fail(std::string(what) + ": " + result.error().message());
  return *std::move(result);
}

struct Usage {
  double cpu_seconds = 0;
  std::uint64_t anon_kib = 0, descriptors = 0;
};

Usage usage_of(pid_t pid) {
  const std::string dir = "/proc/" + std::to_string(pid);
  Usage usage;
  std::ifstream stat(dir + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  usage.cpu_seconds =
      static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream status(dir + "/status");
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> usage.anon_kib;
  }
  const std::filesystem::directory_iterator all(dir + "/fd");
  usage.descriptors = static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
  return usage;
}

// Everything that went over loopback: each packet once.
std::uint64_t loopback_bytes() {
  std::ifstream file("/proc/net/dev");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find("lo:");
    if (colon == std::string::npos) continue;
    return std::stoull(line.substr(colon + 3));
  }
  return 0;
}

struct Node {
  std::string name, address;
  Ed25519Key key = Ed25519Key::generate();
  PeerCredentials credentials;
  std::shared_ptr<const ClientTls> tls;
  std::optional<HttpClient> client;  // with a kept connection: of klubster-peerd's partners
  NodeRecord record;
  std::optional<NodeRecord> target;  // as it said itself
  std::unique_ptr<PeerServer> server;
  std::uint64_t heard_usec = 0;  // the generation that is waited for
  EventSource timer;
};

class Cluster {
 public:
  Cluster(const std::string& peerd, std::size_t count)
      : loop_(take(EventLoop::create(), "event loop")),
        client_(take(HttpClient::create(loop_), "HTTP client")),
        bus_(take(Bus::open_user(loop_), "bus")) {
    token_ = make_token();
    authority_ = authority_key(take(token_secret(token_), "token"));
    for (std::size_t i = 0; i + 1 < count; ++i)
      add_node(i);
    start_peerd(peerd);
  }

  ~Cluster() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  // Until klubster-peerd knows all and all know it.
  void gather() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = *nodes_[i];
      node.timer = loop_.after(i * 10'000, [this, &node] { push(node, nullptr); });
    }
    publish(++generation_);
    wait_for_all(120);
    schedule();
    // The repairs of the start, too: every peer is asked once.
    wait(10 * kSecond);
  }

  // Until klubster-peerd and its partners have met.
  void come_to_rest() { wait((Partners::kCount + 1) * kSyncUsec * 6 / 5); }

  // Milliseconds from a change of klubster-peerd's record to its arrival at each node.
  std::vector<double> change() {
    for (auto& node : nodes_)
      node->heard_usec = 0;
    const std::uint64_t from = now_boottime_usec();
    publish(++generation_);
    wait_for_all(60);
    std::vector<double> times;
    for (auto& node : nodes_)
      times.push_back(static_cast<double>(node->heard_usec - from) / 1000);
    return times;
  }

  void wait(std::uint64_t usec) {
    bool is_over = false;
    const EventSource timer = loop_.after(usec, [&] { is_over = true; });
    loop_.run_until([&] { return is_over; });
  }

  // CPU seconds of klubster-peerd for one call of a node: connection, handshake, request, answer.
  // With news it proves a signature more, and tells its own daemon; over a connection that was kept
  // there is no handshake.
  enum class Call { kWhole, kNews, kKept };
  double exchange_cost(Call kind) {
    round_.cancel();
    for (auto& node : nodes_)
      node->client.reset();
    if (kind == Call::kKept) {
      nodes_[0]->client.emplace(take(HttpClient::create(loop_), "HTTP client"));
    }
    const double before = usage_of(pid_).cpu_seconds;
    for (int i = 0; i < kExchanges; ++i) {
      bool is_done = false;
      const std::size_t at = kind == Call::kKept ? 0 : static_cast<std::size_t>(i) % nodes_.size();
      Node& node = *nodes_[at];
      if (kind == Call::kNews) {
        ++node.record.version.seq;
        sign_record(node.record, node.key);
      }
      push(node, [&] { is_done = true; });
      loop_.run_until([&] { return is_done; });
    }
    const double spent = usage_of(pid_).cpu_seconds - before;
    schedule();
    return spent / kExchanges;
  }

  pid_t pid() const { return pid_; }
  unsigned failures() const { return failures_; }

 private:
  static std::string address_of(std::size_t i) {
    return "127.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
  }

  void add_node(std::size_t i) {
    auto node = std::make_unique<Node>();
    node->name = "m" + std::to_string(i);
    node->address = address_of(i);
    node->credentials = {authority_certificate(*authority_),
                         issue_certificate(*authority_, node->key.public_key(), node->name),
                         private_key_pem(node->key)};
    node->tls = take(ClientTls::create(node->credentials), "certificates");
    NodeRecord& record = node->record;
    record.cluster_name = "bench";
    record.node = node->name;
    record.machine = sha256_hex(node->name);
    record.version = {1, 1};
    record.time = utc_text(now_wall_usec());
    record.modes = {"agent"};
    record.body.generation = 1;
    record.body.boot = "normal";
    record.body.versions["klubster"] = "0.1.0";
    for (const char* type : {"ConfigValid", "ProfileVerified", "Sound", "Ready"}) {
      record.body.conditions.push_back({type, std::string(type) == "Ready" ? "agent" : "",
                                        ConditionStatus::kTrue, "AsItShouldBe", "", record.time});
    }
    record.body.profile = RecordProfile{"etcd", "1.0.0", sha256_hex("profile")};
    record.addresses = {node->address};
    sign_record(record, node->key);
    Node& made = *node;
    ServerLimits limits;
    node->server =
        take(PeerServer::create(
                 loop_, {node->address, 9446}, node->credentials, limits,
                 [this, &made](const PeerRequest& request) { return hear(made, request); },
                 [](const std::string&, const Problem&) {}),
             "listening");
    nodes_.push_back(std::move(node));
  }

  void start_peerd(const std::string& peerd) {
    Json json = Json::object();
    json["v"] = 1;
    json["node"] = kTarget;
    json["machine"] = sha256_hex(kTarget);
    json["cluster"]["name"] = "bench";
    json["cluster"]["id"] = "";
    json["token"] = token_;
    json["listen"] = "127.0.0.1:9446";
    json["modes"] = Json(std::vector<std::string>{"server"});
    json["labels"] = Json::object();
    json["members"] = Json::array();
    for (const auto& node : nodes_) {
      json["members"].push_back(Json::Object{{"name", node->name},
                                             {"modes", std::vector<std::string>{"agent"}},
                                             {"address", node->address + ":9446"},
                                             {"key", ""}});
    }
    std::string config = state_.path() + "/config", state = state_.path();
    if (!write_file(config, json.dump(), 0600)) fail("writing the configuration");
    std::string program = peerd, a = "--config", b = "--state-dir", c = "--bus", d = "user";
    char* arguments[] = {program.data(), a.data(), config.data(), b.data(),
                         state.data(),   c.data(), d.data(),      nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (::posix_spawn(&pid_, peerd.c_str(), &actions, nullptr, arguments, environ) != 0) {
      fail("starting " + peerd);
    }
    posix_spawn_file_actions_destroy(&actions);
    const EventSource look = loop_.after(0, [] {});
    wait(kSecond / 2);
  }

  void publish(std::uint64_t generation) {
    NodeRecord like = nodes_[0]->record;
    like.body.generation = generation;
    BusMessage message =
        bus_.method(names::kPeersBus, names::kPeersPath, names::kPeersBus, "Publish");
    message.add_string(to_json(like.body).dump());
    bus_.call(std::move(message), [this, generation](const Result<BusMessage>& reply) {
      if (reply) return;
      if (++publish_failures_ > 50) fail("Publish: " + reply.error().message());
      retry_ = loop_.after(kSecond / 5, [this, generation] { publish(generation); });
    });
  }

  void wait_for_all(unsigned seconds) {
    bool is_late = false;
    const EventSource deadline = loop_.after(seconds * kSecond, [&] { is_late = true; });
    loop_.run_until([&] {
      return is_late || std::all_of(nodes_.begin(), nodes_.end(),
                                    [](const auto& node) { return node->heard_usec > 0; });
    });
    if (is_late) fail("not all nodes heard of the change in " + std::to_string(seconds) + " s");
  }

  PeerReply hear(Node& node, const PeerRequest& request) {
    if (request.path == kRecordsPath) {
      Result<NodeRecord> record = parse_record(request.body);
      if (!record) fail("a push of klubster-peerd cannot be read: " + record.error().message());
      note(node, *std::move(record));
      return {200, known_text(node.target->version)};
    }
    Result<SyncMessage> message = parse_sync(request.body);
    if (!message) fail("an exchange of klubster-peerd cannot be read");
    if (message->self) note(node, *message->self);
    return {200, to_text(answer(node, *message))};
  }

  void note(Node& node, NodeRecord record) {
    if (record.body.generation == generation_ && node.heard_usec == 0) {
      node.heard_usec = now_boottime_usec();
    }
    node.target = std::move(record);
  }

  // All nodes that are played here know everything alike.
  std::vector<Row> rows(const Node& node) const {
    std::vector<Row> all;
    for (const auto& one : nodes_)
      all.push_back({one->name, edition_of(one->record)});
    if (node.target) all.push_back({kTarget, edition_of(*node.target)});
    std::sort(all.begin(), all.end(), [](const Row& a, const Row& b) { return a.node < b.node; });
    return all;
  }

  SyncMessage message_of(const Node& node) const {
    SyncMessage message;
    message.at = edition_of(node.record);
    if (node.target) message.yours = edition_of(*node.target);
    message.decided = sha256_hex("").substr(0, 16);
    return message;
  }

  SyncMessage answer(const Node& node, const SyncMessage& asked) const {
    SyncMessage message = message_of(node);
    if (asked.yours != message.at) message.self = node.record;
    for (const std::string& name : asked.want) {
      for (const auto& one : nodes_) {
        if (one->name == name) message.records.push_back(one->record);
      }
    }
    if (!asked.buckets) return message;
    const std::vector<Row> known = rows(node);
    const Buckets digests = digests_of(known);
    for (const Row& row : known) {
      const std::size_t bucket = bucket_of(row.node);
      if (digests[bucket] != (*asked.buckets)[bucket]) message.rows[bucket].push_back(row);
    }
    return message;
  }

  HttpRequest request_of(const Node& node, const char* path, std::string body) const {
    HttpRequest request;
    request.method = "POST";
    request.url = std::string("https://") + kTarget + ":9446" + path;
    request.connect_to = std::string(kTarget) + ":9446:127.0.0.1:9446";
    request.source_address = node.address;
    request.tls = node.tls;
    request.keep = node.client.has_value();
    request.require_tls13 = true;
    request.headers = {"Content-Type: application/json", "Accept:"};
    request.body = std::move(body);
    return request;
  }

  void send(Node& node, const char* path, const std::string& body,
            const std::function<void(const HttpResponse&)>& done) {
    const std::uint64_t id = ++calls_;
    HttpClient& client = node.client ? *node.client : client_;
    running_[id] = client.start(request_of(node, path, body), [this, id, &node, path, body,
                                                               done](const HttpOutcome& outcome) {
      // A busy klubster-peerd may turn a connection away: it is called again.
      if (outcome.error && ++failures_ < kMaxFailures) {
        again_[id] = loop_.after(kSecond / 5, [this, id, &node, path, body, done] {
          again_.erase(id);
          send(node, path, body, done);
        });
        running_.erase(id);
        return;
      }
      if (outcome.error || outcome.response.status != 200) {
        fail("calling klubster-peerd as " + node.name + ": " +
             (outcome.error ? outcome.error->message() : outcome.response.body));
      }
      done(outcome.response);
      running_.erase(id);
    });
  }

  void push(Node& node, std::function<void()> done) {
    send(node, kRecordsPath, to_json(node.record).dump(), [done](const HttpResponse&) {
      if (done) done();
    });
  }

  // Of all rounds that the nodes make, one in NODES - 1 meets klubster-peerd: one every 30 s. It is
  // as many nodes' partner as it has partners itself.
  void schedule() {
    const std::uint64_t fifth = kSyncUsec / 5;
    round_ = loop_.after(
        kSyncUsec - fifth + std::uniform_int_distribution<std::uint64_t>(0, 2 * fifth)(random_),
        [this] {
          Node& node = next_caller();
          SyncMessage message = message_of(node);
          message.buckets = digests_of(rows(node));
          send(node, kSyncPath, to_text(message), [this, &node](const HttpResponse& response) {
            Result<SyncMessage> answered = parse_sync(response.body);
            if (!answered) fail("an answer of klubster-peerd cannot be read");
            if (answered->self) note(node, *answered->self);
          });
          schedule();
        });
  }

  Node& next_caller() {
    std::vector<std::string> names;
    for (const auto& node : nodes_)
      names.push_back(node->name);
    const std::string name = callers_.next(names, random_);
    Node* caller = nullptr;
    for (auto& node : nodes_) {
      if (!callers_.contains(node->name)) node->client.reset();
      if (node->name == name) caller = node.get();
    }
    if (!caller->client) caller->client.emplace(take(HttpClient::create(loop_), "HTTP client"));
    return *caller;
  }

  TemporaryDirectory state_;
  EventLoop loop_;
  HttpClient client_;
  Bus bus_;
  std::string token_;
  std::optional<Ed25519Key> authority_;
  std::vector<std::unique_ptr<Node>> nodes_;
  pid_t pid_ = -1;
  std::uint64_t generation_ = 1, calls_ = 0;
  unsigned publish_failures_ = 0, failures_ = 0;
  std::map<std::uint64_t, EventSource> again_;
  std::map<std::uint64_t, HttpTransfer> running_;
  std::minstd_rand random_{std::random_device{}()};
  Partners callers_;
  EventSource round_, retry_;
};

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

void measure(Cluster& cluster, std::size_t count, std::uint64_t rest_seconds, int changes) {
  cluster.gather();
  if (rest_seconds * kSecond > kSyncUsec) cluster.come_to_rest();
  const Usage before = usage_of(cluster.pid());
  const std::uint64_t bytes = loopback_bytes();
  cluster.wait(rest_seconds * kSecond);
  const Usage after = usage_of(cluster.pid());
  const auto rest = static_cast<double>(rest_seconds);
  std::cout << "nodes " << count << "\nanon_kib " << after.anon_kib << "\ndescriptors "
            << after.descriptors << "\nrest_cpu_permille "
            << (after.cpu_seconds - before.cpu_seconds) / rest * 1000 << "\nrest_bytes_per_second "
            << static_cast<double>(loopback_bytes() - bytes) / rest << "\n";
  std::vector<double> times;
  const Usage calm = usage_of(cluster.pid());
  for (int i = 0; i < changes; ++i) {
    const std::vector<double> its = cluster.change();
    times.insert(times.end(), its.begin(), its.end());
  }
  const double spent = usage_of(cluster.pid()).cpu_seconds - calm.cpu_seconds;
  std::cout << "change_p50_ms " << percentile(times, 0.5) << "\nchange_p99_ms "
            << percentile(times, 0.99) << "\nchange_cpu_ms " << spent / changes * 1000
            << "\nexchange_cpu_ms " << cluster.exchange_cost(Cluster::Call::kWhole) * 1000
            << "\nnews_cpu_ms " << cluster.exchange_cost(Cluster::Call::kNews) * 1000
            << "\nkept_cpu_ms " << cluster.exchange_cost(Cluster::Call::kKept) * 1000
            << "\nretried " << cluster.failures() << "\nafter_anon_kib "
            << usage_of(cluster.pid()).anon_kib << "\n"
            << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) fail("usage: peers-load PEERD NODES REST-SECONDS CHANGES [SOAK-SECONDS]");
  std::signal(SIGPIPE, SIG_IGN);
  start_crypto();
  const PrivateBus bus;
  if (!bus.works()) fail("no dbus-daemon here");
  const auto count = static_cast<std::size_t>(std::stoul(argv[2]));
  if (count < 2) fail("NODES: expected at least 2");
  Cluster cluster(argv[1], count);
  measure(cluster, count, std::stoul(argv[3]), std::stoi(argv[4]));
  const std::uint64_t soak_seconds = argc > 5 ? std::stoul(argv[5]) : 0;
  for (std::uint64_t passed = 0; passed < soak_seconds; passed += 10) {
    (void)cluster.change();
    cluster.wait(10 * kSecond);
    const Usage usage = usage_of(cluster.pid());
    std::cout << "soak " << passed << " " << usage.anon_kib << " " << usage.descriptors << "\n"
              << std::flush;
  }
}
