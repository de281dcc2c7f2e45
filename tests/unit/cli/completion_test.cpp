// What the shells offer at the end of a command line.
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cli/candidates.h"
#include "cli/exit_code.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
using Words = std::vector<std::string>;

namespace {

bool offers(const Words& words, const std::string& candidate) {
  const auto found = candidates(words);
  return std::find(found.begin(), found.end(), candidate) != found.end();
}

// Standard output of a shell command.
std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr)
    text += buffer;
  CHECK(::pclose(pipe) == 0);
  return text;
}

}  // namespace

TEST_CASE("verbs are completed, group by group, and none that is for programs", "[completion]") {
  CHECK(candidates({"sta"}) == Words{"status"});
  CHECK(offers({""}, "config"));
  CHECK_FALSE(offers({""}, "complete"));
  CHECK(offers({"config", ""}, "unset"));
  CHECK(candidates({"config", "ch"}) == Words{"check"});
  CHECK(candidates({"nonsense", ""}).empty());
  CHECK(offers({"-"}, "--version"));
  CHECK(candidates({}) == candidates({""}));
}

TEST_CASE("options are those of the verb that were not given yet", "[completion]") {
  CHECK(offers({"config", "check", "--"}, "--all-nodes"));
  CHECK_FALSE(offers({"config", "check", "--json", "--"}, "--json"));
  CHECK(offers({"config", "check", "--root", "a", "--"}, "--root"));
  CHECK(candidates({"config", "dump", "--format", ""}) == Words{"json", "tree"});
  CHECK(candidates({"config", "dump", "--to", ""}).empty());  // a file
}

// The words of a usage line that are options: "-o", "--seq".
Words options_in(const std::string& usage) {
  Words options;
  std::string word;
  for (const char c : usage + " ") {
    const bool part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (part) {
      word += c;
      continue;
    }
    if (word.starts_with("-")) options.push_back(word);
    word.clear();
  }
  return options;
}

TEST_CASE("options of verbs that klubster-unpack parses are those that it takes", "[completion]") {
  const std::string help = output_of(KLUBSTER_TEST_PROGRAM_DIR "/klubster-unpack --help");
  int verbs = 0;
  for (const auto& line : split(help, '\n')) {
    const std::string start = "  klubster profile ";
    if (!line.starts_with(start)) continue;
    const std::string usage(line.substr(start.size()));
    const std::string verb = usage.substr(0, usage.find(' '));
    INFO(usage);
    Words expected = options_in(usage.substr(verb.size()));
    expected.push_back("--help");
    std::sort(expected.begin(), expected.end());
    CHECK(candidates({"profile", verb, "-"}) == expected);
    ++verbs;
  }
  CHECK(verbs == 7);
  CHECK_FALSE(offers({"profile", "verify", "--json", "-"}, "--json"));
  CHECK(offers({"profile", "verify", "--key", "a.pub", "-"}, "--key"));
  CHECK(candidates({"profile", "pack", "--sign", ""}).empty());  // a file
}

TEST_CASE("keys are completed up to what is the user's to name", "[completion]") {
  const auto keys = [&](const std::string& typed) {
    TreeFiles empty;
    return candidates({"config", "get", "--root", empty.path(), typed});
  };

  CHECK(keys("profile/u") == Words{"profile/url"});
  CHECK(keys("mem") == Words{"members/"});
  CHECK(keys("members/n1/") == Words{"members/n1/address", "members/n1/key", "members/n1/modes"});
  CHECK(keys("sec") == Words{"secrets/"});
}

TEST_CASE("keys that the tree holds and its nodes are offered", "[completion]") {
  TreeFiles tree;
  tree.write("inputs/ONE", "1\n");
  tree.write("overlays/node=n1/inputs/TWO", "2\n");
  tree.write("apply/auto", "nonsense\n");
  const std::string root = tree.path();

  CHECK(candidates({"config", "get", "--root", root, "inputs/"}) == Words{"inputs/", "inputs/ONE"});
  CHECK(candidates({"explain", "--root=" + root, "--node", "n1", "inputs/T"}) ==
        Words{"inputs/TWO"});
  CHECK(candidates({"explain", "--root", "=", root, "--node", "n1", "inputs/T"}) ==
        Words{"inputs/TWO"});
  CHECK(candidates({"config", "list", "--root", root, "--node", ""}) == Words{"n1"});
  CHECK(candidates({"config", "diff", "--root", root, "n"}) == Words{"n1"});
  CHECK(candidates({"config", "get", "--root", "/nonexistent", "inputs/"}) == Words{"inputs/"});
}

TEST_CASE("values of a few are offered, and reasons after explain", "[completion]") {
  CHECK(candidates({"config", "set", "apply/auto", ""}) == Words{"false", "true"});
  CHECK(candidates({"config", "set", "node/modes", "s"}) ==
        Words{"server", "single-node", "stack"});
  CHECK(candidates({"config", "set", "inputs/X", ""}).empty());
  CHECK(candidates({"explain", "Digest"}) == Words{"DigestMismatch"});
}

TEST_CASE("the hidden verb prints candidates as they are asked for", "[completion]") {
  const Ran ran = klubster_command({"complete", "--", "config", "get", "profile/u"});
  const Ran option = klubster_command({"complete", "--", "config", "get", "--he"});
  const Ran empty = klubster_command({"complete", "--", "token", ""});

  CHECK(ran.code == kExitDone);
  CHECK(ran.out == "profile/url\n");
  CHECK(option.out == "--help\n");
  CHECK(empty.out == "create\n");
  CHECK(klubster_command({"--help"}).out.find("complete") == std::string::npos);
  CHECK(klubster_command({"complet"}).err.find("did you mean") == std::string::npos);
}

TEST_CASE("bash completes by the file that is installed for it", "[completion]") {
  const auto bash = [](const std::string& words, int at) {
    return output_of(
        "PATH='" KLUBSTER_TEST_PROGRAM_DIR ":'\"$PATH\" bash --norc -c '. \"" +
        repository().string() + "/agent/cli/completion/klubster.bash\" && COMP_WORDS=(" + words +
        ") COMP_CWORD=" + std::to_string(at) +
        " && _klubster && printf \"%s\\n\" \"${COMPREPLY[@]}\" && complete -p klubster'");
  };

  CHECK(bash("klubster config get profile/u", 3) ==
        "profile/url\ncomplete -o default -F _klubster klubster\n");
  CHECK_THAT(bash("klubster token \"\"", 2), ContainsSubstring("create\n"));
  CHECK_THAT(bash("klubster config get mem", 3), ContainsSubstring("members/\n"));
  CHECK_THAT(
      bash("klubster config check --root " + repository().string() + "/examples/fleet --node gr",
           6),
      ContainsSubstring("green-1\ngreen-2\n"));
}
