// Callers that a node must survive, turn away and show.
#include <openssl/ssl.h>
#include <sys/time.h>

#include <atomic>
#include <thread>

#include "peer/certificate.h"
#include "tests/unit/peer/small_cluster.h"

using namespace klubster;

namespace {

// Somebody with a token of his own choice who calls n1.
struct Stranger {
  Ed25519Key key = Ed25519Key::generate();
  std::string name;
  std::string certificate, authority;

  Stranger(std::string its_name, char token) : name(std::move(its_name)) {
    const Ed25519Key issuer = authority_key(std::string(32, token));
    certificate = issue_certificate(issuer, key.public_key(), name);
    authority = authority_certificate(authority_key(std::string(32, 't')));
  }

  HttpRequest request(const SmallCluster& cluster, const std::string& method,
                      const std::string& path, std::string body = "") const {
    HttpRequest request;
    request.method = method;
    request.url = "https://n1:9446" + path;
    request.connect_to = "n1:9446:" + cluster.members[0].address;
    request.ca_pem = authority;
    request.client_cert_pem = certificate;
    request.client_key_pem = private_key_pem(key);
    request.body = std::move(body);
    request.require_tls13 = true;
    return request;
  }

  NodeRecord record() const {
    NodeRecord record;
    record.cluster_name = "lab";
    record.node = name;
    record.machine = "machine-" + name;
    record.version = {1, 1};
    sign_record(record, key);
    return record;
  }
};

HttpOutcome call(SmallCluster& cluster, HttpRequest request) {
  Result<HttpClient> client = HttpClient::create(cluster.loop);
  REQUIRE(client);
  std::optional<HttpOutcome> answer;
  const HttpTransfer transfer =
      client->start(std::move(request), [&](HttpOutcome outcome) { answer = std::move(outcome); });
  cluster.wait_until([&] { return answer.has_value(); });
  return *answer;
}

// Status, and the reason that the body gives.
std::pair<int, std::string> verdict(const HttpOutcome& outcome) {
  const Result<Json> json = parse_json(outcome.response.body);
  return {outcome.response.status, json ? json->text_or("reason") : ""};
}

using Verdict = std::pair<int, std::string>;

// A blocking socket to n1, from `source` on loopback; reading gives up after five seconds.
UniqueFd dial(const SmallCluster& cluster, const char* source = "127.0.0.1") {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, source, &address.sin_addr);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  address.sin_port = htons(parse_host_port(cluster.members[0].address)->port);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const timeval patience = {5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

// Until the other side closes, in another thread while the loop runs; false after five seconds.
bool is_closed_by_peer(SmallCluster& cluster, int fd) {
  std::atomic<int> ended = -1;
  std::thread reader([&] {
    char buffer[256];
    ssize_t count = 1;
    while (count > 0)
      count = ::recv(fd, buffer, sizeof buffer, 0);
    ended = count == 0 || errno == ECONNRESET ? 1 : 0;
  });
  while (ended < 0)
    cluster.wait_for(10'000);
  reader.join();
  return ended == 1;
}

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

// Talks TLS over `fd` in a thread of its own: after the handshake, one byte of `text` every 50 ms
// until the other side hangs up. Returns whether the handshake went well.
bool dribble(SmallCluster& cluster, int fd, int max_version, const std::string& text) {
  std::atomic<int> ended = -1;
  std::thread talker([&] {
    const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context.get(), max_version);
    const std::unique_ptr<SSL, FreeSsl> session(SSL_new(context.get()));
    SSL_set_fd(session.get(), fd);
    if (SSL_connect(session.get()) != 1) {
      ended = 0;
      return;
    }
    for (const char byte : text) {
      if (SSL_write(session.get(), &byte, 1) != 1) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ended = 1;
  });
  while (ended < 0)
    cluster.wait_for(10'000);
  talker.join();
  return ended == 1;
}

}  // namespace

TEST_CASE("a caller without a certificate is turned away at every door", "[bad]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  const std::string path = GENERATE("/v1/health", "/v1/records", "/v1/facts/X", "/other");
  HttpRequest request = Stranger("n2", 't').request(cluster, "GET", path);
  request.client_cert_pem.clear();

  CHECK(verdict(call(cluster, request)) == Verdict{403, "PeerCertificate"});
  cluster.wait_until([&] { return shows_refused(node, "PeerCertificate"); });
}

TEST_CASE("a caller with another cluster's token is turned away and shown", "[bad]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  const Stranger stranger("n2", 'x');

  CHECK(verdict(call(cluster, stranger.request(cluster, "GET", "/v1/records"))) ==
        Verdict{403, "PeerTokenDiffers"});
  cluster.wait_until([&] { return shows_refused(node, "PeerTokenDiffers"); });
}

TEST_CASE("members may read, others with the token may not have facts", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1").set_facts({{"URL", "value", false}});
  const Stranger member("n2", 't');
  const Stranger other("n9", 't');

  CHECK(call(cluster, member.request(cluster, "GET", "/v1/health")).response.status == 200);
  CHECK(call(cluster, other.request(cluster, "GET", "/v1/records")).response.status == 200);
  CHECK(call(cluster, member.request(cluster, "GET", "/v1/facts/URL")).response.status == 200);
  CHECK(verdict(call(cluster, member.request(cluster, "GET", "/v1/facts/NONE"))) ==
        Verdict{404, "FactMissing"});
  CHECK(verdict(call(cluster, other.request(cluster, "GET", "/v1/facts/URL"))) ==
        Verdict{403, "PeerCertificate"});
  CHECK(verdict(call(cluster, member.request(cluster, "DELETE", "/v1/records"))).first == 404);
}

TEST_CASE("records that are forged, of another name or garbage are refused", "[bad]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't');
  const Stranger n3("n3", 't');
  NodeRecord forged = n2.record();
  forged.version.seq = 9;
  NodeRecord foreign = n2.record();
  foreign.cluster_name = "elsewhere";
  sign_record(foreign, n2.key);
  const auto push = [&](const std::string& body) {
    return verdict(call(cluster, n2.request(cluster, "POST", "/v1/records", body)));
  };

  CHECK(push(to_json(forged).dump()) == Verdict{403, "RecordForged"});
  CHECK(push(to_json(n3.record()).dump()) == Verdict{403, "PeerCertificate"});
  CHECK(push(to_json(foreign).dump()) == Verdict{409, "ClusterDiffers"});
  CHECK(push("{") == Verdict{400, "BadJson"});
  CHECK(push(std::string(2000, '[')) == Verdict{400, "BadJson"});
  CHECK(push("") == Verdict{400, "BadJson"});
  CHECK(node.roster().find("n2")->record == nullptr);
  CHECK(node.roster().find("n3")->record == nullptr);
  CHECK(push(to_json(n2.record()).dump()).first == 200);
  CHECK(node.roster().find("n2")->said() != nullptr);
}

TEST_CASE("a member that passes on a forged record is refused that record alone", "[bad]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't');
  SyncMessage message;
  message.self = n2.record();
  message.have.emplace();
  message.records = {Stranger("n3", 't').record()};
  message.records[0].version.seq = 77;

  const HttpOutcome outcome =
      call(cluster, n2.request(cluster, "POST", "/v1/sync", to_text(message)));

  CHECK(outcome.response.status == 200);
  CHECK(node.roster().find("n2")->said() != nullptr);
  CHECK(node.roster().find("n3")->record == nullptr);
  CHECK(shows_refused(node, "RecordForged"));
}

TEST_CASE("a body beyond 64 KiB is refused, announced or not", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't');
  HttpRequest request = n2.request(cluster, "POST", "/v1/records", std::string(1024 * 1024, 'x'));
  if (GENERATE(false, true)) request.headers = {"Transfer-Encoding: chunked"};

  const HttpOutcome outcome = call(cluster, request);

  CHECK((outcome.error.has_value() || outcome.response.status == 413));
  cluster.wait_until([&] { return shows_refused(node, "TooLarge"); });
  CHECK(call(cluster, n2.request(cluster, "GET", "/v1/health")).response.status == 200);
}

TEST_CASE("garbage instead of TLS is hung up on", "[bad]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  const std::string garbage = GENERATE(std::string("GET / HTTP/1.0\r\n\r\n"),
                                       std::string(5000, '\xff'), std::string(64, '\0'));
  const UniqueFd fd = dial(cluster);
  REQUIRE(::send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL) > 0);

  CHECK(is_closed_by_peer(cluster, fd.get()));
  cluster.wait_until([&] { return shows_refused(node, "TlsFailed"); });
}

TEST_CASE("TLS 1.2 is not spoken", "[bad]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  const UniqueFd fd = dial(cluster);

  CHECK_FALSE(dribble(cluster, fd.get(), TLS1_2_VERSION, ""));
  cluster.wait_until([&] { return shows_refused(node, "TlsFailed"); });
}

TEST_CASE("a byte now and then keeps no connection beyond its deadline", "[bad]") {
  SmallCluster cluster({"n1"});
  cluster.options.limits.deadline_usec = 400'000;
  PeerNode& node = cluster.start("n1");
  const UniqueFd fd = dial(cluster);
  const std::uint64_t start = now_boottime_usec();

  if (GENERATE(false, true)) {
    // Within TLS: a request whose head never ends.
    CHECK(dribble(cluster, fd.get(), TLS1_3_VERSION,
                  "GET /v1/health HTTP/1.1\r\nX: " + std::string(100, 'x')));
  } else {
    CHECK(is_closed_by_peer(cluster, fd.get()));
  }

  CHECK(now_boottime_usec() - start < 2'000'000);
  cluster.wait_until([&] { return shows_refused(node, "TimedOut"); });
}

TEST_CASE("silent connections from one address do not shut others out", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 40; ++i)
    silent.push_back(dial(cluster, i % 2 == 0 ? "127.0.0.2" : "127.0.0.3"));
  cluster.wait_for(50'000);

  const std::uint64_t start = now_boottime_usec();
  const Stranger n2("n2", 't');
  CHECK(call(cluster, n2.request(cluster, "GET", "/v1/health")).response.status == 200);
  CHECK(now_boottime_usec() - start < 1'000'000);
}

TEST_CASE("a node that stops with callers on the line ends cleanly", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.start("n1");
  const UniqueFd fd = dial(cluster);
  cluster.wait_for(20'000);

  cluster.stop("n1");

  CHECK(is_closed_by_peer(cluster, fd.get()));
}
