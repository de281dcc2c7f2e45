// Servers that cannot speak as they should, by `openssl s_server`.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/client.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;

namespace {

// `openssl s_server -www` with these options, until this object goes.
class OpensslServer {
 public:
  OpensslServer(const std::string& cert, const std::vector<std::string>& options) {
    const auto& certs = test_certificates();
    std::vector<std::string> words = {"openssl",
                                      "s_server",
                                      "-accept",
                                      "127.0.0.1:0",
                                      "-www",
                                      "-cert",
                                      certs / (cert + ".pem"),
                                      "-key",
                                      certs / (cert + ".key")};
    words.insert(words.end(), options.begin(), options.end());
    int out[2];
    if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = spawn(std::move(words), {{out[1], 1}, {out[1], 2}});
    ::close(out[1]);
    output_ = UniqueFd(out[0]);
    read_port();
  }
  OpensslServer(const OpensslServer&) = delete;
  OpensslServer& operator=(const OpensslServer&) = delete;
  ~OpensslServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string url() const { return "https://127.0.0.1:" + port_ + "/"; }

 private:
  // "ACCEPT 127.0.0.1:PORT"
  void read_port() {
    std::string text;
    char byte = 0;
    while (::read(output_.get(), &byte, 1) == 1) {
      if (byte != '\n') {
        text += byte;
        continue;
      }
      if (text.starts_with("ACCEPT ")) {
        port_ = text.substr(text.rfind(':') + 1);
        return;
      }
      text.clear();
    }
    throw std::runtime_error("openssl s_server did not start");
  }

  pid_t pid_ = -1;
  UniqueFd output_;  // stays open: a server that cannot write its words ends
  std::string port_;
};

std::string reason_at(const OpensslServer& server) {
  auto loop = std::move(*EventLoop::create());
  auto client = std::move(*HttpClient::create(loop));
  HttpRequest request;
  request.url = server.url();
  request.ca_pem = file_text(test_certificates() / "ca.pem");
  request.connect_timeout_usec = 5'000'000;
  std::string reason;
  const auto transfer = client.start(std::move(request), [&](const HttpOutcome& outcome) {
    reason = outcome.error ? outcome.error->reason() : "none";
    loop.exit(0);
  });
  loop.run();
  return reason;
}

}  // namespace

TEST_CASE("a server of openssl with a good certificate is spoken to", "[tls]") {
  CHECK(reason_at(OpensslServer("server", {"-tls1_2"})) == "none");
  CHECK(reason_at(OpensslServer("server", {"-tls1_3"})) == "none");
}

TEST_CASE("TLS 1.1 and older are refused", "[tls]") {
  // At this level openssl would speak them.
  const OpensslServer server("server", {"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"});
  CHECK(reason_at(server) == "TlsFailed");
}

TEST_CASE("a server that speaks HTTP/2 only is refused in the handshake", "[tls]") {
  CHECK(reason_at(OpensslServer("server", {"-alpn", "h2"})) == "TlsFailed");
}

TEST_CASE("a certificate that signed itself is not trusted", "[tls]") {
  CHECK(reason_at(OpensslServer("self", {})) == "TlsFailed");
}

TEST_CASE("a certificate whose name is that of another host is not trusted", "[tls]") {
  CHECK(reason_at(OpensslServer("client", {})) == "TlsFailed");
}

TEST_CASE("an authority that is not ours, an expired and a future certificate are told apart",
          "[tls]") {
  CHECK(reason_at(OpensslServer("other-ca", {})) == "TlsFailed");
  CHECK(reason_at(OpensslServer("expired", {})) == "TlsFailed");
  CHECK(reason_at(OpensslServer("future", {})) == "ClockSuspect");
}
