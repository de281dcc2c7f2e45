// Callers that a node must survive, turn away and show.
#include <fcntl.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/unit/peer/stranger.h"

using namespace klubster;

// sanitizer/allocator_interface.h; there only where the address sanitizer is.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace {

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

// Under the address sanitizer freed memory stays with the process for a while: there, what is
// allocated.
std::uint64_t memory_kib() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes() / 1024;
  }
  std::ifstream status("/proc/self/status");
  std::uint64_t kib = 0;
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> kib;
  }
  return kib;
}

// Sends a chunked body without end over TLS, as a member, in a thread of its own; gives up after
// 64 MiB. Returns how much the other side took.
std::size_t pour(SmallCluster& cluster, int fd, const Stranger& as) {
  std::atomic<bool> is_over = false;
  std::size_t sent = 0;
  std::thread talker([&] {
    const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
    const std::string key = private_key_pem(as.key);
    BIO* const certificate_bio = BIO_new_mem_buf(as.certificate.data(), -1);
    BIO* const key_bio = BIO_new_mem_buf(key.data(), -1);
    X509* const certificate = PEM_read_bio_X509(certificate_bio, nullptr, nullptr, nullptr);
    EVP_PKEY* const its_key = PEM_read_bio_PrivateKey(key_bio, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context.get(), certificate);
    SSL_CTX_use_PrivateKey(context.get(), its_key);
    const std::unique_ptr<SSL, FreeSsl> session(SSL_new(context.get()));
    SSL_set_fd(session.get(), fd);
    const std::string head =
        "POST /v1/records HTTP/1.1\r\nHost: n1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    bool goes_on = SSL_connect(session.get()) == 1 &&
                   SSL_write(session.get(), head.data(), static_cast<int>(head.size())) > 0;
    while (goes_on && sent < (64U << 20)) {
      goes_on = SSL_write(session.get(), chunk.data(), static_cast<int>(chunk.size())) > 0;
      sent += chunk.size();
    }
    EVP_PKEY_free(its_key);
    X509_free(certificate);
    BIO_free(key_bio);
    BIO_free(certificate_bio);
    is_over = true;
  });
  while (!is_over)
    cluster.wait_for(5'000);
  talker.join();
  return sent;
}

}  // namespace

TEST_CASE("a caller without a certificate is turned away at every door", "[bad]") {
  SmallCluster cluster({"n1"});
  PeerNode& node = cluster.start("n1");
  const std::string path = GENERATE("/v1/health", "/v1/records", "/v1/facts/X", "/other");
  const HttpRequest request = Stranger("n2", 't').anonymous_request(cluster, path);

  CHECK(verdict(call(cluster, request)) == Verdict{403, "PeerCertificate"});
  cluster.wait_until([&] { return shows_refused(node, "PeerCertificate"); });
}

TEST_CASE("metrics are for callers of the machine itself, who need no certificate", "[metrics]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  node.publish(body_with("server", true, 7));
  HttpRequest request = Stranger("n2", 't').anonymous_request(cluster, "/metrics");

  const HttpOutcome outcome = call(cluster, request);

  CHECK(outcome.response.status == 200);
  CHECK(outcome.response.header("content-type") == "text/plain; version=0.0.4");
  const std::string& page = outcome.response.body;
  CHECK(page.find("# TYPE klubster_peers gauge\nklubster_peers{seen=\"left\"} 0\n") !=
        std::string::npos);
  CHECK(page.find("klubster_peers{seen=\"never\"} 1\n") != std::string::npos);
  CHECK(page.find("klubster_peer_generation{peer=\"n1\"} 7\n") != std::string::npos);
  CHECK(page.find("klubster_peer_ready{peer=\"n1\",phase=\"server\"} 1\n") != std::string::npos);
  CHECK(page.find("# TYPE klubster_peer_calls_total counter\n") != std::string::npos);
  request.url = "https://n1:9446/v1/records";
  CHECK(verdict(call(cluster, request)) == Verdict{403, "PeerCertificate"});
  request.url = "https://n1:9446/metrics";
  request.method = "POST";
  CHECK(verdict(call(cluster, request)) == Verdict{403, "PeerCertificate"});
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
  message.at = edition_of(*message.self);
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

TEST_CASE("a body without end takes no memory and keeps nobody else waiting", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.options.limits.deadline_usec = 1'500'000;
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't');
  const UniqueFd fd = dial(cluster);
  const std::uint64_t before = memory_kib(), start = now_boottime_usec();

  const std::size_t taken = pour(cluster, fd.get(), n2);

  CHECK(taken > kPeerBodyBytes);
  CHECK(now_boottime_usec() - start < 8'000'000);
  CHECK(memory_kib() < before + 16 * 1024);
  CHECK(call(cluster, n2.request(cluster, "GET", "/v1/health")).response.status == 200);
  CHECK(node.roster().find("n2")->record == nullptr);
}

TEST_CASE("silent connections from everywhere make room for who has something to say", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  cluster.options.limits.connections = 32;
  cluster.start("n1");
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(dial(cluster, ("127.0.1." + std::to_string(1 + i / 4)).c_str()));
    cluster.wait_for(2'000);
  }

  const std::uint64_t start = now_boottime_usec();
  const Stranger n2("n2", 't');
  CHECK(call(cluster, n2.request(cluster, "GET", "/v1/health")).response.status == 200);
  CHECK(now_boottime_usec() - start < 1'000'000);
}

TEST_CASE("a caller that stops in the midst of its handshake is not waited for busily", "[bad]") {
  SmallCluster cluster({"n1"});
  cluster.start("n1");
  const std::unique_ptr<SSL_CTX, FreeSsl> context(SSL_CTX_new(TLS_client_method()));
  const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context.get()));
  const UniqueFd fd = dial(cluster);
  SSL_set_fd(ssl.get(), fd.get());
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  REQUIRE(SSL_connect(ssl.get()) == -1);  // only its first word is sent
  cluster.wait_for(100'000);

  int turns = 0;
  bool is_over = false;
  const EventSource timer = cluster.loop.after(1'000'000, [&] { is_over = true; });
  cluster.loop.run_until([&] {
    ++turns;
    return is_over;
  });

  CHECK(turns < 200);  // not one for each millisecond
}

TEST_CASE("a certificate of other days is refused, and the reason says so", "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  const bool is_over = GENERATE(true, false);
  Stranger n2("n2", 't');
  n2.certificate = dated(n2.certificate, authority_key(std::string(32, 't')),
                         is_over ? "19700101000000Z" : "21000101000000Z",
                         is_over ? "20010101000000Z" : "22000101000000Z");

  CHECK(verdict(call(cluster, n2.request(cluster, "GET", "/v1/health"))) ==
        Verdict{403, "PeerCertificate"});
  cluster.wait_until([&] {
    return node.peers_text().find(is_over ? "has expired" : "not valid yet") != std::string::npos;
  });
}

TEST_CASE("a member at whose address another node answers is told of as that", "[bad]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  cluster.start("n3");
  cluster.members[1].address = cluster.members[2].address;
  PeerNode& node = cluster.start("n1");

  cluster.wait_until([&] { return problem_with(node, "n2") == "PeerCertificate"; });

  CHECK(node.roster().find("n2")->record == nullptr);
  cluster.wait_until([&] { return cluster.knows("n1", "n3"); });
}

TEST_CASE("a record that is played again, or of another day, changes nothing", "[bad]") {
  SmallCluster cluster({"n1", "n2", "n3"});
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't'), n3("n3", 't');
  const NodeRecord old = n2.record();
  NodeRecord now = old;
  now.version = {2, 5};
  now.time = "2099-01-01T00:00:00Z";  // its clock counts for nothing
  sign_record(now, n2.key);
  CHECK(call(cluster, n2.request(cluster, "POST", "/v1/records", to_json(now).dump()))
            .response.status == 200);
  SyncMessage message;
  message.self = n3.record();
  message.at = edition_of(*message.self);
  message.records = {old};

  CHECK(call(cluster, n3.request(cluster, "POST", "/v1/sync", to_text(message))).response.status ==
        200);
  CHECK(verdict(call(cluster, n3.request(cluster, "POST", "/v1/records", to_json(old).dump()))) ==
        Verdict{403, "PeerCertificate"});

  CHECK(node.roster().find("n2")->record->version == RecordVersion{2, 5});
  CHECK(node.roster().find("n2")->said()->version == RecordVersion{2, 5});
}

TEST_CASE("who has the cluster's certificate for a name but not its key is not that node",
          "[bad]") {
  SmallCluster cluster({"n1", "n2"});
  PeerNode& node = cluster.start("n1");
  const Stranger n2("n2", 't'), impostor("n2", 't');
  REQUIRE(call(cluster, n2.request(cluster, "POST", "/v1/records", to_json(n2.record()).dump()))
              .response.status == 200);
  const std::uint64_t heard = node.roster().find("n2")->heard_usec;
  SyncMessage message;
  message.at = edition_of(n2.record());

  const HttpOutcome outcome =
      call(cluster, impostor.request(cluster, "POST", "/v1/sync", to_text(message)));

  CHECK(outcome.response.status == 200);  // it may read, as anybody with the token may
  CHECK(node.roster().find("n2")->heard_usec == heard);
  CHECK(node.roster().find("n2")->record->public_key == n2.key.public_key());
}
