// What a reset leaves of a node, and that the log goes last.
#include "store/forget.h"

#include <unistd.h>

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

struct Node {
  TemporaryDirectory directory;
  std::string state = directory.path() + "/state", peer = directory.path() + "/peer";

  Node() {
    for (const char* below :
         {"", "/log", "/profiles", "/profiles/aa", "/steps", "/steps/server", "/config", "/media"})
      REQUIRE(make_directory(state + below, 0700));
    REQUIRE(make_directory(peer, 0700));
    for (const auto& file :
         {state + "/log/00000001.jsonl", state + "/profiles/aa/bin", state + "/steps/server/data",
          state + "/salt", state + "/config/kept", state + "/media.json", peer + "/identity.key"})
      REQUIRE(write_file(file, "x", 0600));
  }
  void order(const std::string& text) { REQUIRE(write_file(state + "/reset.json", text, 0600)); }
};

}  // namespace

TEST_CASE("a reset forgets everything but what the node was told to be", "[store][forget]") {
  const bool identity = GENERATE(false, true);
  Node node;
  node.order(identity ? R"({"by":"root","identity":true})" : R"({"by":"root","identity":false})");
  REQUIRE(forget(node.state, node.peer));
  for (const char* gone : {"/log", "/profiles", "/staging", "/steps", "/salt"})
    CHECK_FALSE(exists(node.state + gone));
  for (const char* kept : {"/config/kept", "/media", "/media.json", "/reset.json"})
    CHECK(exists(node.state + kept));
  CHECK(exists(node.peer + "/identity.key") == !identity);
  CHECK(exists(node.peer));
  CHECK(forget(node.state, node.peer));  // again: nothing is left to do
}

TEST_CASE("without an order that can be read nothing is forgotten", "[store][forget]") {
  Node node;
  if (GENERATE(false, true)) node.order("{");
  CHECK_FALSE(forget(node.state, node.peer));
  CHECK(exists(node.state + "/log/00000001.jsonl"));
  CHECK(exists(node.state + "/profiles/aa/bin"));
}

TEST_CASE("a link in the state is removed, not followed", "[store][forget]") {
  Node node;
  node.order(R"({"by":"root","identity":false})");
  REQUIRE(::symlink(node.peer.c_str(), (node.state + "/steps/server/link").c_str()) == 0);
  REQUIRE(forget(node.state, node.peer));
  CHECK(exists(node.peer + "/identity.key"));
}
