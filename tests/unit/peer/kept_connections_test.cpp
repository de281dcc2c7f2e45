// Connections that serve more than one request: who is at the other end is judged at each of them.
#include <atomic>
#include <ctime>
#include <thread>

#include "base/text.h"
#include "tests/unit/peer/stranger.h"

using namespace klubster;

namespace {

constexpr const char* kHealth = "GET /v1/health HTTP/1.1\r\nHost: n1\r\n\r\n";

// A connection of a stranger's to n1. Whatever blocks does so in a thread, while the loop turns.
class Line {
 public:
  Line(SmallCluster& cluster, const Stranger& as, const char* source = "127.0.0.1")
      : cluster_(cluster),
        fd_(dial(cluster, source)),
        context_(SSL_CTX_new(TLS_client_method())),
        tls_(*ClientTls::create({as.authority, as.certificate, private_key_pem(as.key)})) {
    REQUIRE(tls_->use_in(context_.get()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_.get());
    in_thread([this] { return SSL_connect(ssl_.get()); });
  }

  // The status of the answer to it; 0: the other side hung up, or had hung up before.
  int ask(const std::string& text = kHealth) {
    return in_thread([&] {
      if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) <= 0) return 0;
      return status_of(read());
    });
  }

 private:
  template <typename Work>
  int in_thread(const Work& work) {
    std::atomic<bool> is_over = false;
    int result = 0;
    std::thread thread([&] {
      result = work();
      is_over = true;
    });
    while (!is_over)
      cluster_.wait_for(2'000);
    thread.join();
    return result;
  }
  static int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
  }
  // A whole answer; what came of it where the other side hung up.
  std::string read() {
    std::string answer;
    for (;;) {
      const auto head = answer.find("\r\n\r\n");
      const auto length = answer.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos) {
        const std::size_t body = std::stoul(answer.substr(length + 16));
        if (answer.size() >= head + 4 + body) return answer;
      }
      char buffer[4096];
      const int count = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (count <= 0) return answer;
      answer.append(buffer, static_cast<std::size_t>(count));
    }
  }

  SmallCluster& cluster_;
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::shared_ptr<const ClientTls> tls_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

std::uint64_t metric(const PeerNode& node, const std::string& name) {
  const std::string page = node.metrics_text();
  const std::string line = "\nklubster_" + name + " ";
  return std::stoul(page.substr(page.find(line) + line.size()));
}

std::string seconds_from_now(int seconds) {
  const std::time_t then = std::time(nullptr) + seconds;
  std::tm parts = {};
  ::gmtime_r(&then, &parts);
  char text[32];
  (void)std::strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &parts);
  return text;
}

}  // namespace

TEST_CASE("nodes at rest compare over connections that they keep", "[kept]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  cluster.options.times.sync_usec = 30'000;
  for (const char* name : {"n1", "n2", "n3"})
    cluster.start(name);
  cluster.wait_until([&] { return cluster.all_know_each_other(); });

  cluster.wait_until([&] { return metric(cluster.node("n1"), "peer_requests_total") > 150; });

  CHECK(metric(cluster.node("n1"), "peer_connections_total") < 40);
}

TEST_CASE("a caller is answered again over the same connection", "[kept]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  Line line(cluster, Stranger("n2", 't'));

  for (int i = 0; i < 3; ++i)
    CHECK(line.ask() == 200);

  CHECK(metric(node, "peer_connections_total") == 1);
  CHECK(line.ask("GET /v1/health HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n") == 200);
  CHECK(line.ask() == 0);
}

TEST_CASE("a certificate that expires ends what was kept by it, its authority's too", "[kept]") {
  SmallCluster cluster({"n1"});
  const Ed25519Key authority = authority_key(std::string(32, 't')), key = Ed25519Key::generate();
  PeerConfig config = cluster.config_of("n1");
  config.ca_pem = authority_certificate(authority);
  config.certificate_pem = issue_certificate(authority, key.public_key(), "n1");
  config.private_key_pem = private_key_pem(key);
  Stranger n2("n2", 't');
  std::string& what_expires = GENERATE(true, false) ? n2.certificate : config.ca_pem;
  what_expires = dated(what_expires, authority, "19700101000000Z", seconds_from_now(4).c_str());
  PeerNode& node = cluster.start(config, "n1");
  Line line(cluster, n2);
  REQUIRE(line.ask() == 200);

  int status = 200;
  for (int i = 0; i < 100 && status == 200; ++i) {
    cluster.wait_for(100'000);
    status = line.ask();
  }

  CHECK(status == 403);
  CHECK(node.peers_text().find("has expired") != std::string::npos);
  CHECK(line.ask() == 0);
}

TEST_CASE("with another token nothing that was kept goes on", "[kept]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  Line line(cluster, Stranger("n2", 't'));
  REQUIRE(line.ask() == 200);
  PeerConfig config = cluster.config_of("n1");
  config.token_secret = std::string(32, 'u');

  REQUIRE(node.reconfigure(config).value());

  CHECK(line.ask() == 0);
}

TEST_CASE("who is no member any more gets no facts, though its connection is kept", "[kept]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  node.set_facts({{"URL", "value", false}});
  Line line(cluster, Stranger("n2", 't'));
  const std::string fact = "GET /v1/facts/URL HTTP/1.1\r\nHost: n1\r\n\r\n";
  REQUIRE(line.ask(fact) == 200);
  cluster.members.pop_back();

  REQUIRE(node.reconfigure(cluster.config_of("n1")).value());

  CHECK(line.ask(fact) == 403);
}

TEST_CASE("a request over a kept connection has its own deadline, from its first byte", "[kept]") {
  SmallCluster cluster({"n1"});
  cluster.options.limits.deadline_usec = 700'000;
  PeerNode& node = cluster.start("n1");
  Line line(cluster, Stranger("n2", 't'));
  REQUIRE(line.ask() == 200);
  cluster.wait_for(1'000'000);
  REQUIRE(line.ask() == 200);
  CHECK_FALSE(shows_refused(node, "TimedOut"));

  CHECK(line.ask("GET /v1/health HTTP/1.1\r\nX: ") == 0);

  cluster.wait_until([&] { return shows_refused(node, "TimedOut"); });
}

TEST_CASE("a kept connection that is not used goes, and nobody is to blame", "[kept]") {
  SmallCluster cluster({"n1"});
  cluster.options.limits.idle_usec = 300'000;
  PeerNode& node = cluster.start("n1");
  Line line(cluster, Stranger("n2", 't'));
  REQUIRE(line.ask() == 200);

  cluster.wait_for(800'000);

  CHECK(line.ask() == 0);
  CHECK(peers_of(node).items("refused").empty());
}

TEST_CASE("few connections are kept, and few of one address", "[kept]") {
  SmallCluster cluster({"n1"});
  cluster.options.limits.kept = 3;
  cluster.options.limits.kept_per_address = 2;
  cluster.start("n1");
  const Stranger n2("n2", 't');
  Line first(cluster, n2), second(cluster, n2), third(cluster, n2);
  Line elsewhere(cluster, n2, "127.0.0.2"), late(cluster, n2, "127.0.0.3");

  for (Line* line : {&first, &second, &third, &elsewhere, &late})
    CHECK(line->ask() == 200);

  for (Line* line : {&first, &second, &elsewhere})
    CHECK(line->ask() == 200);
  for (Line* line : {&third, &late})
    CHECK(line->ask() == 0);
}

TEST_CASE("kept connections make room for who has something to say", "[kept]") {
  SmallCluster cluster({"n1"});
  cluster.options.limits.connections = 4;
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't');
  Line first(cluster, n2), second(cluster, n2);
  REQUIRE(first.ask() == 200);
  REQUIRE(second.ask() == 200);
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 2; ++i)
    silent.push_back(dial(cluster, "127.0.0.2"));
  cluster.wait_for(20'000);

  const std::uint64_t start = now_boottime_usec();
  CHECK(call(cluster, n2.request(cluster, "GET", "/v1/health")).response.status == 200);

  CHECK(now_boottime_usec() - start < 1'000'000);
  CHECK(first.ask() == 0);
  CHECK(second.ask() == 200);
  CHECK(peers_of(node).items("refused").empty());
}
