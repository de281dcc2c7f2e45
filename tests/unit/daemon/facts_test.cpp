// Outputs of steps, and the facts that are kept of them.
#include "daemon/facts.h"

#include <sys/stat.h>

#include <filesystem>

#include "base/digest.h"
#include "daemon/step_host.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

const std::vector<OutputSpec> kDeclared = {{"URL", true, false}, {"KEY", true, true}};

}  // namespace

TEST_CASE("outputs are NAME=value lines of declared names", "[outputs]") {
  const auto facts = parse_outputs("URL=https://n1:2379\nKEY=a=b c\n", kDeclared);
  REQUIRE(facts.has_value());
  CHECK(facts->at("URL").value == "https://n1:2379");
  CHECK(facts->at("KEY").value == "a=b c");
  CHECK(facts->at("KEY").sensitive);
}

TEST_CASE("a later line of the same name wins: probes write again", "[outputs]") {
  const auto facts = parse_outputs("URL=one\nKEY=k\nURL=two\n", kDeclared);
  REQUIRE(facts.has_value());
  CHECK(facts->at("URL").value == "two");
}

TEST_CASE("outputs that are malformed, undeclared or missing are refused", "[outputs]") {
  const std::string text = GENERATE(as<std::string>{}, "", "URL=x\n", "URL=x\nKEY\n",
                                    "URL=x\nKEY=k\nOTHER=y\n", "URL=\xff\nKEY=k\n");
  const auto facts = parse_outputs(text, kDeclared);
  REQUIRE_FALSE(facts.has_value());
  CHECK(facts.error().reason() == "BadOutputs");
}

TEST_CASE("a refused output never shows its value", "[outputs]") {
  const auto facts = parse_outputs("KEY=topsecret\xff\nURL=x\n", kDeclared);
  REQUIRE_FALSE(facts.has_value());
  CHECK(facts.error().message().find("topsecret") == std::string::npos);
}

TEST_CASE("kept facts are read back, and only root can read them", "[facts]") {
  const TemporaryDirectory directory;
  FactStore store(directory.path(), "salt");
  REQUIRE(store.keep_made("server/etcd", {{"URL", {"u", false, true}}}).has_value());
  REQUIRE(store.keep_received("agent/join", {{"KEY", {"k\n", true, false}}}).has_value());

  FactStore again(directory.path(), "salt");
  again.load({});
  CHECK_FALSE(again.trouble());
  CHECK(again.made().at("server/etcd").at("URL").share);
  CHECK(again.received().at("agent/join").at("KEY").value == "k\n");
  CHECK(again.received().at("agent/join").at("KEY").sensitive);
  struct stat info = {};
  REQUIRE(::stat((directory.path() + "/agent.join.received.json").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a damaged file of facts is left out and told, the others stay", "[facts]") {
  const TemporaryDirectory directory;
  FactStore store(directory.path(), "salt");
  REQUIRE(store.keep_made("server/etcd", {{"URL", {"u", false, true}}}).has_value());
  const std::string path = directory.path() + "/agent.join.received.json";
  SECTION("cut") {
    REQUIRE(write_file(path, "{", 0600).has_value());
  }
  SECTION("a directory") {
    REQUIRE(make_directory(path, 0700).has_value());
  }
  SECTION("with a flipped bit in a value") {
    REQUIRE(store.keep_received("agent/join", {{"URL", {"https://n1", false, false}}}).has_value());
    std::string text = *read_file(path, 4096);
    text.at(text.find("https")) ^= 1;
    REQUIRE(write_file(path, text, 0600).has_value());
  }
  FactStore again(directory.path(), "salt");
  again.load({});
  CHECK(again.made().size() == 1);
  CHECK(again.received().empty());
  REQUIRE(again.trouble());
  CHECK(again.trouble()->reason() == "StateDamaged");
  CHECK(again.trouble()->message().find("agent.join.received.json") != std::string::npos);
  CHECK(again.lost().empty());
  if (!std::filesystem::is_directory(path)) {
    REQUIRE(again.keep_received("agent/join", {{"URL", {"again", false, false}}}).has_value());
    CHECK_FALSE(again.trouble());
  }
}

TEST_CASE("facts that cannot be listed are missed only when there are some", "[facts]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/facts";
  REQUIRE(write_file(path, "no directory", 0600).has_value());
  FactStore without(path, "salt");
  without.load({});
  CHECK_FALSE(without.trouble());

  NodeState state;
  state.fold(
      step_done("server/etcd", "print", "run", without.digests_of({{"URL", {"u", false, true}}})));
  FactStore store(path, "salt");
  store.load(state);
  CHECK(store.lost() == std::set<std::string>{"server/etcd"});
  REQUIRE(store.trouble());
  CHECK(store.trouble()->message().find("listing") != std::string::npos);
}

TEST_CASE("outputs that the log knows and the disk does not have are lost", "[facts]") {
  const TemporaryDirectory directory;
  const Facts facts = {{"URL", {"u", false, true}}};
  NodeState state;
  FactStore store(directory.path(), "salt");
  state.fold(step_done("server/etcd", "print", "run", store.digests_of(facts)));
  store.load(state);
  CHECK(store.lost() == std::set<std::string>{"server/etcd"});
  REQUIRE(store.trouble());
  REQUIRE(store.keep_made("server/etcd", facts).has_value());
  CHECK(store.lost().empty());
  CHECK_FALSE(store.trouble());
}

TEST_CASE("a secret cannot be guessed from what the log says of it", "[facts]") {
  const Facts facts = {{"PIN", {"4711", true, false}}, {"URL", {"u", false, false}}};
  const Json here = FactStore("", "salt").digests_of(facts);
  const Json elsewhere = FactStore("", "another").digests_of(facts);
  CHECK(here.text_or("PIN") != sha256_hex("4711"));
  CHECK(here.text_or("PIN") != elsewhere.text_or("PIN"));
  CHECK(here.text_or("PIN") == FactStore("", "salt").digests_of(facts).text_or("PIN"));
  CHECK(here.text_or("URL") == sha256_hex("u"));
  const Json none = FactStore("", "salt").digests_of({{"PIN", {"", true, false}}});
  CHECK(none.text_or("PIN") != sha256_hex(""));
}
