// config set and unset: what they write, what they refuse, and what they tell.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/exit_code.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

Ran set(const TreeFiles& tree, std::vector<std::string> words) {
  words.insert(words.begin(), {"config", "set"});
  words.insert(words.end(), {"--root", tree.path()});
  return klubster_command(words);
}

Ran unset(const TreeFiles& tree, std::vector<std::string> words) {
  words.insert(words.begin(), {"config", "unset"});
  words.insert(words.end(), {"--root", tree.path()});
  return klubster_command(words);
}

// Runs with `text` as standard input.
template <typename Run>
Ran with_input(const std::string& text, Run run) {
  TreeFiles place;
  place.write("input", text);
  const int saved = ::dup(STDIN_FILENO);
  const int input = ::open(place.at("input").c_str(), O_RDONLY | O_CLOEXEC);
  ::dup2(input, STDIN_FILENO);
  const Ran ran = run();
  ::dup2(saved, STDIN_FILENO);
  ::close(input);
  ::close(saved);
  return ran;
}

// The four layers of a machine, moved into a directory.
class Machine : public TreeFiles {
 public:
  Machine() {
    const std::string path =
        at("image") + ":" + at("system") + ":" + at("machine") + ":" + at("run");
    ::setenv("KLUBSTER_CONFIG_PATH", path.c_str(), 1);
    ::setenv("KLUBSTER_PROC_CMDLINE", "/dev/null", 1);
  }
  ~Machine() {
    ::unsetenv("KLUBSTER_CONFIG_PATH");
    ::unsetenv("KLUBSTER_PROC_CMDLINE");
  }
};

}  // namespace

TEST_CASE("config set writes one value with its newline, quietly", "[config-set]") {
  TreeFiles tree;

  const Ran ran = set(tree, {"node/modes", "single-node"});

  CHECK(ran.code == kExitDone);
  CHECK(ran.out.empty());
  CHECK(ran.err.empty());
  CHECK(tree.read("node/modes") == "single-node\n");
}

TEST_CASE("config set makes a root that is not there", "[config-set]") {
  TreeFiles tree;

  const Ran ran =
      klubster_command({"config", "set", "apply/auto", "false", "--root", tree.at("a/new")});

  CHECK(ran.code == kExitDone);
  CHECK(tree.read("a/new/apply/auto") == "false\n");
}

TEST_CASE("config set writes into layer 4 of the machine", "[config-set]") {
  Machine machine;

  CHECK(klubster_command({"config", "set", "node/modes", "single-node"}).code == kExitDone);

  CHECK(machine.read("machine/node/modes") == "single-node\n");
}

TEST_CASE("config set --node writes into that node's overlay", "[config-set]") {
  TreeFiles tree;

  CHECK(set(tree, {"inputs/ROLE", "first", "--node", "n1"}).code == kExitDone);
  CHECK(set(tree, {"overlays/environment=test/inputs/ROLE", "all"}).code == kExitDone);
  CHECK(set(tree, {"match/mac", "02:00:00:00:00:01", "--node", "n1"}).code == kExitDone);

  CHECK(tree.read("overlays/node=n1/match/mac") == "02:00:00:00:00:01\n");
  CHECK(tree.read("overlays/node=n1/inputs/ROLE") == "first\n");
  CHECK(tree.read("overlays/environment=test/inputs/ROLE") == "all\n");
}

TEST_CASE("a value may be empty, and may come from a file or standard input", "[config-set]") {
  TreeFiles tree;
  TreeFiles place;
  place.write("value", "line 1\nline 2\n");

  CHECK(set(tree, {"inputs/EMPTY", ""}).code == kExitDone);
  CHECK(set(tree, {"inputs/FILE", "--from-file", place.at("value")}).code == kExitDone);
  const auto from_input = [&] { return set(tree, {"inputs/INPUT", "--from-file", "-"}); };
  CHECK(with_input("typed\n", from_input).code == kExitDone);

  CHECK(tree.has("inputs/EMPTY"));
  CHECK(tree.read("inputs/FILE") == "line 1\nline 2\n");
  CHECK(tree.read("inputs/INPUT") == "typed\n");
}

TEST_CASE("a secret is taken from standard input, as a file of mode 0600", "[config-set]") {
  TreeFiles tree;
  const std::string token = make_token();

  const Ran ran = with_input(token + "\n", [&] {
    return set(tree, {"cluster/token", "--from-file", "-"});
  });

  CHECK(ran.code == kExitDone);
  CHECK(tree.read("cluster/token") == token + "\n");
  CHECK(tree.mode("cluster/token") == 0600);
}

TEST_CASE("a secret as an argument is refused, with the command to type instead", "[config-set]") {
  TreeFiles tree;

  const Ran token = set(tree, {"cluster/token", "hunter2"});
  const Ran other = set(tree, {"secrets/PASSWORD", "hunter2", "--node", "n1"});

  CHECK(token.code == kExitUsage);
  CHECK_THAT(
      token.err,
      ContainsSubstring("klubster token create | klubster config set cluster/token --from-file"));
  CHECK_THAT(other.err, ContainsSubstring("klubster config set secrets/PASSWORD --from-file -"));
  CHECK(token.err.find("hunter2") == std::string::npos);
  CHECK_FALSE(tree.has("cluster"));
  CHECK_FALSE(tree.has("overlays"));
}

TEST_CASE("what has not the form of its key is refused and nothing is written", "[config-set]") {
  TreeFiles tree;
  tree.write("node/modes", "agent\n");
  const auto [words, part] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"node/mode", "server"}, "did you mean node/modes?"},
      {{"node/modes", "servr"}, "did you mean server?"},
      {{"apply/auto", "yes"}, "expected true or false"},
      {{"apply/auto", "true\r\n"}, "found CRLF"},
      {{"inputs/lower", "x"}, "there is no key"},
      {{"overlays/planet=mars/apply/auto", "true"}, "expected overlays/KIND=NAME"},
      {{"overlays/node=n1/match/mac", "x"}, "expected"},
      {{"overlays/node=n1/match/colour", "x"}, "expected"},
      {{"overlays/mode=agent/node/modes", "agent"}, "outside of mode overlays"},
  }));
  CAPTURE(words);

  const Ran ran = set(tree, words);

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring(part));
  CHECK(tree.read("node/modes") == "agent\n");
  CHECK_FALSE(tree.has("apply"));
  CHECK_FALSE(tree.has("overlays"));
}

TEST_CASE("a key that a lower layer locks is refused, with both files", "[config-set]") {
  Machine machine;
  machine.write("system/profile/url", "https://e.org/p.tgz\n");
  machine.write("system/profile/url.lock", "");
  machine.write("system/members.lock", "");

  const Ran ran = klubster_command({"config", "set", "profile/url", "https://other.org/p.tgz"});
  const Ran masked = klubster_command({"config", "unset", "profile/url", "--mask"});
  const Ran member = klubster_command({"config", "set", "members/n2/modes", "agent"});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring(machine.at("system/profile/url.lock")) &&
                          ContainsSubstring(machine.at("machine/profile/url")) &&
                          ContainsSubstring("nothing was written"));
  CHECK(masked.code == kExitFixInput);
  CHECK(member.code == kExitFixInput);
  CHECK_FALSE(machine.has("machine"));
}

TEST_CASE("what the tree still lacks is only a note", "[config-set]") {
  TreeFiles tree;

  const Ran ran = set(tree, {"members/n1/address", "10.0.0.1:9446"});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.err, ContainsSubstring("not whole yet") &&
                          ContainsSubstring("expected the member's modes"));
  CHECK(tree.has("members/n1/address"));
}

TEST_CASE("a value of a higher layer that stays is told", "[config-set]") {
  Machine machine;
  machine.write("run/inputs/X", "of-run\n");

  const Ran ran = klubster_command({"config", "set", "inputs/X", "mine"});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.err, ContainsSubstring("inputs/X is of-run, from layer runtime") &&
                          ContainsSubstring(machine.at("run/inputs/X")));
}

TEST_CASE("a key that does not change in place is noted", "[config-set]") {
  Machine machine;

  const Ran first = klubster_command({"config", "set", "cluster/name", "blue"});
  const Ran same = klubster_command({"config", "set", "cluster/name", "blue"});

  CHECK(first.code == kExitDone);
  CHECK_THAT(first.err, ContainsSubstring("does not change in place"));
  CHECK(same.err.empty());
}

TEST_CASE("config set takes a KEY.unset that stands beside the key away", "[config-set]") {
  Machine machine;
  machine.write("system/inputs/X", "low\n");
  machine.write("machine/inputs/X.unset", "");

  CHECK(klubster_command({"config", "set", "inputs/X", "high"}).code == kExitDone);

  CHECK_FALSE(machine.has("machine/inputs/X.unset"));
  CHECK(klubster_command({"config", "get", "inputs/X"}).out == "high\n");
}

TEST_CASE("config unset removes what layer 4 holds and tells who gives the value now",
          "[config-set]") {
  Machine machine;
  machine.write("system/inputs/X", "low\n");
  machine.write("machine/inputs/X", "high\n");

  const Ran removed = klubster_command({"config", "unset", "inputs/X"});
  const Ran again = klubster_command({"config", "unset", "inputs/X"});

  CHECK(removed.code == kExitDone);
  CHECK_FALSE(machine.has("machine/inputs"));
  CHECK_THAT(removed.err, ContainsSubstring("inputs/X is low, from layer system, " +
                                            machine.at("system/inputs/X")) &&
                              ContainsSubstring("--mask"));
  CHECK(again.code == kExitDone);
  CHECK_THAT(again.err, ContainsSubstring("does not hold inputs/X"));
}

TEST_CASE("config unset --mask hides what lower layers say", "[config-set]") {
  Machine machine;
  machine.write("system/inputs/X", "low\n");
  machine.write("machine/inputs/X", "high\n");

  const Ran ran = klubster_command({"config", "unset", "inputs/X", "--mask"});

  CHECK(ran.code == kExitDone);
  CHECK(ran.err.empty());
  CHECK(machine.has("machine/inputs/X.unset"));
  CHECK_FALSE(machine.has("machine/inputs/X"));
  CHECK(klubster_command({"config", "get", "inputs/X"}).code == kExitFailed);
}

TEST_CASE("config unset takes a directory of keys, and keys of a newer klubster", "[config-set]") {
  TreeFiles tree;
  tree.write("members/n1/modes", "server\n");
  tree.write("members/n1/address", "10.0.0.1:9446\n");
  tree.write("members/n2/modes", "agent\n");
  tree.write("future/key", "x\n");

  CHECK(unset(tree, {"members/n1"}).code == kExitDone);
  CHECK(unset(tree, {"future/key"}).code == kExitDone);
  CHECK(unset(tree, {"members/n9", "--mask"}).code == kExitDone);
  const Ran unknown = unset(tree, {"node/mode"});

  CHECK_FALSE(tree.has("members/n1"));
  CHECK_FALSE(tree.has("future"));
  CHECK(tree.has("members/n2/modes"));
  CHECK(tree.has("members/n9.unset"));
  CHECK(unknown.code == kExitFixInput);
  CHECK_THAT(unknown.err, ContainsSubstring("did you mean node/modes?"));
}

TEST_CASE("config set --from DIR sets all keys of a tree or none", "[config-set]") {
  TreeFiles tree;
  TreeFiles from;
  from.write("node/modes", "single-node\n");
  from.write("overlays/environment=test/inputs/X", "1\n");
  from.write("profile/url.unset", "");
  from.write("secrets/PASSWORD", "hunter2\n", 0600);
  from.write("README.md", "not a key\n");

  SECTION("all") {
    CHECK(set(tree, {"--from", from.path()}).code == kExitDone);
    CHECK(tree.read("node/modes") == "single-node\n");
    CHECK(tree.read("overlays/environment=test/inputs/X") == "1\n");
    CHECK(tree.has("profile/url.unset"));
    CHECK(tree.mode("secrets/PASSWORD") == 0600);
    CHECK_FALSE(tree.has("README.md"));
  }
  SECTION("none, with every mistake") {
    from.write("apply/auto", "yes\n");
    from.write("node/nme", "x\n");
    const Ran ran = set(tree, {"--from", from.path()});
    CHECK(ran.code == kExitFixInput);
    CHECK_THAT(ran.err, ContainsSubstring("apply/auto: expected true or false") &&
                            ContainsSubstring("did you mean node/name?"));
    CHECK_FALSE(tree.has("node"));
  }
  SECTION("none, when a file cannot be a value") {
    from.write("apply/auto", "true\r\n");
    const Ran ran = set(tree, {"--from", from.path()});
    CHECK(ran.code == kExitFixInput);
    CHECK_THAT(ran.err, ContainsSubstring("found CRLF"));
    CHECK_FALSE(tree.has("node"));
  }
}

TEST_CASE("config set --from FILE.json sets what a dump says", "[config-set]") {
  TreeFiles tree;
  TreeFiles from;
  from.write("plain.json", R"({"v":1,"node":"n1","values":{"node/modes":"single-node"}})");
  from.write("origin.json",
             R"({"v":1,"node":"n1","hash":"x","values":{"node/modes":
                {"value":"single-node","layer":3,"file":"/etc/klubster/node/modes"}}})");
  const auto file = GENERATE(as<std::string>{}, "plain.json", "origin.json");

  CHECK(set(tree, {"--from", from.at(file)}).code == kExitDone);

  CHECK(tree.read("node/modes") == "single-node\n");
  CHECK(tree.read("node/name") == "n1\n");
}

TEST_CASE("a dump in an overlay leaves out the name, which the overlay has", "[config-set]") {
  TreeFiles tree;
  TreeFiles from;
  from.write("d.json", R"({"v":1,"node":"n1","values":{"node/name":"n1","inputs/X":"1"}})");

  CHECK(set(tree, {"--from", from.at("d.json"), "--node", "n1"}).code == kExitDone);

  CHECK(tree.has("overlays/node=n1/inputs/X"));
  CHECK_FALSE(tree.has("overlays/node=n1/node"));
}

TEST_CASE("JSON that is not a dump's is refused with everything that is wrong", "[config-set]") {
  TreeFiles tree;
  TreeFiles from;
  const auto [text, part] = GENERATE(table<std::string, std::string>({
      {"{", "line 1"},
      {R"({"v":2,"values":{"apply/auto":"true"}})", "expected 1, found 2"},
      {R"({"v":1,"values":{"apply/auto":true}})", "expected the value as a string"},
      {R"json({"v":1,"values":{"secrets/X":"(secret)"}})json", "--secrets --to FILE"},
      {R"json({"v":1,"values":{"secrets/X":{"secret":"(secret)","layer":3}}})json", "placeholder"},
      {R"({"v":1,"values":{}})", "expected keys, found none"},
      {R"({"v":1,"values":{"apply/auto":"true","apply/auot":"true"}})", "did you mean apply/auto?"},
      {R"({"v":1,"more":1,"values":{"apply/auto":"true"}})", "more"},
      {R"({"v":1,"values":{"apply/auto":"true","apply/auto":"false"}})", "apply/auto"},
  }));
  CAPTURE(text);
  from.write("d.json", text);

  const Ran ran = set(tree, {"--from", from.at("d.json")});

  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring(part));
  CHECK_FALSE(tree.has("apply"));
}

TEST_CASE("config set says which words it needs", "[config-set]") {
  TreeFiles tree;
  const auto [words, part] = GENERATE(table<std::vector<std::string>, std::string>({
      {std::vector<std::string>(), "expected a key with its value, or --from"},
      {{"apply/auto"}, "found neither"},
      {{"apply/auto", "true", "--from-file", "x"}, "found both"},
      {{"apply/auto", "--from", "x"}, "expected no key beside it"},
      {{"overlays/node=n1/apply/auto", "true", "--node", "n1"}, "without its overlay"},
      {{"apply/auto", "true", "--root", "/tmp"}, "found several"},
  }));
  CAPTURE(words);

  const Ran ran = set(tree, words);

  CHECK(ran.code == kExitUsage);
  CHECK_THAT(ran.err, ContainsSubstring(part));
  CHECK_FALSE(tree.has("apply"));
}

TEST_CASE("who may not write the machine's layer is told to be root", "[config-set]") {
  if (::geteuid() == 0) return;  // root may
  TreeFiles place;
  ::setenv("KLUBSTER_CONFIG_PATH", "/a:/b:/proc/config:/d", 1);

  const Ran ran = klubster_command({"config", "set", "apply/auto", "true"});

  ::unsetenv("KLUBSTER_CONFIG_PATH");
  CHECK(ran.code == kExitFixInput);
  CHECK_THAT(ran.err, ContainsSubstring("only root may do this") && ContainsSubstring("sudo"));
}
