// Every kind of mistake in one tree: all told at once, each with file, key, expected and found.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "cli/exit_code.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;

namespace {

struct Mistake {
  std::string file;      // below the directory
  std::string key;       // as the message names it; empty: it names none
  std::string expected;  // what the message holds
  std::string found;
};

void make_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(fd);
}

// What no text editor makes.
void make_odd_files(const TreeFiles& tree) {
  REQUIRE(::mkfifo(tree.at("etc/inputs/FIFO").c_str(), 0644) == 0);
  make_socket(tree.at("etc/inputs/SOCKET"));
  REQUIRE(::symlink("/dev/zero", tree.at("etc/inputs/DEVICE").c_str()) == 0);
  REQUIRE(::symlink("LOOP", tree.at("etc/inputs/LOOP").c_str()) == 0);
  REQUIRE(::symlink("nowhere", tree.at("etc/inputs/DANGLING").c_str()) == 0);
  REQUIRE(::symlink("..", tree.at("etc/node/labels").c_str()) == 0);
  tree.write("etc/inputs/HUGE", "");
  REQUIRE(::truncate(tree.at("etc/inputs/HUGE").c_str(), off_t{1} << 30) == 0);
  tree.write("etc/apply/auto/deeper", "true");
}

std::vector<Mistake> make_bad_tree(const TreeFiles& tree) {
  tree.write("etc/inputs/NUL", std::string("a\0b", 3));
  tree.write("etc/inputs/LATIN",
             "Gr\xfc\xdf"
             "e");
  tree.write("etc/inputs/CRLF", "one\r\ntwo\r\n");
  tree.write("etc/inputs/LD_PRELOAD", "/tmp/x.so");
  tree.write("etc/inputs/line\nbreak", "x");
  tree.write("etc/node/mode", "agent");
  tree.write("etc/entirely/elsewhere", "x");
  tree.write("etc/node/modes", "agnet");
  tree.write("etc/node/environment", "prod\ntest");
  tree.write("etc/profile/url", "ftp://example.org/p.tgz");
  tree.write("etc/profile/sha256", "abc");
  tree.write("etc/profile/limits/ratio", "0");
  tree.write("etc/peering/listen", "somewhere");
  tree.write("etc/secrets/OPEN", "hunter2", 0644);
  tree.write("etc/cluster/token", "hunter2", 0600);
  tree.write("etc/cluster/name.lock", "");
  tree.write("etc/profile/ca.unset", "not empty");
  tree.write("etc/overlays/nodes=n1/inputs/A", "x");
  tree.write("etc/overlays/mode=agent/inputs/A", "x");
  tree.write("etc/overlays/node=n1/node/name", "n2");
  tree.write("etc/overlays/node=n2/match/mac", "52:54");
  tree.write("etc/overlays/node=n2/inputs/NUL", std::string("\0", 1));  // not this node's
  tree.write("run/cluster/name", "other");
  tree.write("run/profile/mirrors.d", "https://example.org/p.tgz");
  make_odd_files(tree);
  return {
      {"etc/inputs/FIFO", "inputs/FIFO", "a regular file", "a FIFO"},
      {"etc/inputs/SOCKET", "inputs/SOCKET", "a regular file", "a socket"},
      {"etc/inputs/DEVICE", "inputs/DEVICE", "a regular file", "a device"},
      {"etc/inputs/LOOP", "inputs/LOOP", "a file", "a loop of symbolic links"},
      {"etc/inputs/DANGLING", "inputs/DANGLING", "a file", "a symbolic link to nothing"},
      {"etc/inputs/HUGE", "inputs/HUGE", "at most 64 KiB", "a larger file"},
      {"etc/inputs/NUL", "inputs/NUL", "text", "a NUL byte"},
      {"etc/inputs/LATIN", "inputs/LATIN", "UTF-8", "other bytes"},
      {"etc/inputs/CRLF", "inputs/CRLF", "lines that end in LF", "CRLF"},
      {"etc/inputs/LD_PRELOAD", "inputs/LD_PRELOAD", "may reach a step", "LD_PRELOAD"},
      {"etc/inputs/line\\x0abreak", "inputs/line\\x0abreak", "a key that klubster knows", "break"},
      {"etc/node/labels", "node/labels", "a tree", "a link that leads back"},
      {"etc/node/mode", "node/mode", "a key that klubster knows", "did you mean node/modes?"},
      {"etc/entirely/elsewhere", "entirely/elsewhere", "a key that klubster knows",
       "`entirely/elsewhere`"},
      {"etc/node/modes", "node/modes", "words of server", "did you mean agent?"},
      {"etc/node/environment", "node/environment", "a name", "several lines"},
      {"etc/profile/url", "profile/url", "a URL that begins with https://", "`ftp://"},
      {"etc/profile/sha256", "profile/sha256", "64 lower-case hex digits", "`abc`"},
      {"etc/profile/limits/ratio", "profile/limits/ratio", "greater than 0", "`0`"},
      {"etc/peering/listen", "peering/listen", "HOST:PORT", "`somewhere`"},
      {"etc/secrets/OPEN", "secrets/OPEN", "only its owner can read", "mode 0644"},
      {"etc/cluster/token", "cluster/token", "a token made by", ""},
      {"etc/profile/ca.unset", "profile/ca", "an empty file", "content"},
      {"etc/overlays/nodes=n1/inputs/A", "overlays/nodes=n1/inputs/A", "overlays/KIND=NAME/",
       "overlays/nodes=n1"},
      {"etc/overlays/node=n1/node/name", "node/name", "outside of node overlays",
       "overlays/node=n1"},
      {"etc/overlays/node=n2/match/mac", "match/mac", "MAC addresses", "`52:54`"},
      {"etc/apply/auto", "apply/auto", "a file", "a directory"},
      {"run/cluster/name", "cluster/name", "no change in a layer above", "cluster/name.lock"},
      {"run/profile/mirrors.d", "profile/mirrors.d", "a directory", "a file"},
  };
}

}  // namespace

TEST_CASE("every mistake of a tree is told at once, with file, key, expected and found",
          "[bad-tree]") {
  TreeFiles tree;
  const auto mistakes = make_bad_tree(tree);

  const Ran ran = klubster_command(
      {"config", "check", "--node", "n1", "--root", tree.at("etc"), "--root", tree.at("run")});

  CAPTURE(ran.err);
  CHECK(ran.code == kExitFixInput);
  const auto lines = split(ran.err, '\n');
  for (const auto& mistake : mistakes) {
    CAPTURE(mistake.file);
    const std::string start = tree.at(mistake.file) + ": key " + mistake.key + ": expected ";
    std::size_t told = 0;
    for (const auto& line : lines) {
      if (!line.starts_with(start)) continue;
      ++told;
      CHECK(line.find(mistake.expected) != std::string::npos);
      CHECK(line.find("found ") != std::string::npos);
      CHECK(line.find(mistake.found) != std::string::npos);
    }
    CHECK(told == 1);
  }
  CHECK(ran.err.find("hunter2") == std::string::npos);
  CHECK(ran.err.find("node=n2/inputs/NUL") == std::string::npos);
  // Nothing but these, and what to do about them.
  CHECK(lines.size() == mistakes.size() + 2);
  CHECK(ran.err.find("\nnext: ") != std::string::npos);
}

TEST_CASE("a tree of more than 10,000 entries is one mistake", "[bad-tree]") {
  TreeFiles tree;
  for (int i = 0; i <= 10'000; ++i)
    tree.write("inputs/K" + std::to_string(i), "");

  const Ran ran = klubster_command({"config", "check", "--node", "n1", "--root", tree.path()});

  CHECK(ran.code == kExitFixInput);
  CHECK(ran.err.find(tree.path() + ": expected at most 10000 entries, found more") !=
        std::string::npos);
  CHECK(split(ran.err, '\n').size() == 3);
}
