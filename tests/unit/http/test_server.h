// For tests: a web server on loopback, throw-away certificates, a directory that goes away.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/temporary_directory.h"

namespace klubster {

class TempDir : public TemporaryDirectory {
 public:
  std::string operator/(const std::string& name) const { return path() + "/" + name; }
};

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// Made once per test program.
inline const TempDir& test_certificates() {
  static const TempDir directory;
  static const bool made = [] {
    const auto script = std::filesystem::path(__FILE__).parent_path() / "make_certs.sh";
    const std::string command = script.string() + " " + directory.path();
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    return true;
  }();
  (void)made;
  return directory;
}

// server.py, until this object goes.
// Starts a program of $PATH with these descriptors of ours as those of its own.
inline pid_t spawn(std::vector<std::string> words, const std::vector<std::pair<int, int>>& given) {
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  for (const auto& [ours, its] : given)
    ::dup2(ours, its);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

class TestServer {
 public:
  // Plain HTTP without a certificate; `cert` is a name of make_certs.sh.
  explicit TestServer(const std::string& cert = "", bool demand_client = false)
      : secure_(!cert.empty()) {
    const auto script = std::filesystem::path(__FILE__).parent_path() / "server.py";
    std::vector<std::string> words = {"python3", script.string()};
    if (secure_) {
      const auto& certs = test_certificates();
      words.insert(words.end(),
                   {"--cert", certs / (cert + ".pem"), "--key", certs / (cert + ".key")});
      if (demand_client) words.insert(words.end(), {"--client-ca", certs / "ca.pem"});
    }
    start(words);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    ::close(hold_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  int port() const { return port_; }
  std::string url(const std::string& path) const {
    return (secure_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + path;
  }

 private:
  void start(const std::vector<std::string>& words) {
    int out[2], in[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe");
    }
    pid_ = spawn(words, {{in[0], 0}, {out[1], 1}});
    ::close(out[1]);
    ::close(in[0]);
    hold_ = in[1];
    std::string line;
    char byte = 0;
    while (::read(out[0], &byte, 1) == 1 && byte != '\n')
      line += byte;
    ::close(out[0]);
    if (line.empty()) throw std::runtime_error("server.py did not start");
    port_ = std::stoi(line);
  }

  bool secure_;
  pid_t pid_ = -1;
  int hold_ = -1;
  int port_ = 0;
};

}  // namespace klubster
