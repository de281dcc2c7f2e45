// The offline verbs, their exit codes and their streams.
#include "tests/unit/cli/command_line.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "cli/exit_code.h"
#include "cli/hardware.h"
#include "linux/files.h"
#include "model/token.h"
#include "tests/unit/catch.h"
#include "tests/unit/tree_files.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

void write_fleet(const TreeFiles& tree) {
  tree.write("members/n1/modes", "server stack\n");
  tree.write("members/n2/modes", "agent\n");
  tree.write("cluster/token", make_token() + "\n");
  tree.write("profile/url", "https://e.org/p.tgz\n");
  tree.write("profile/sha256", std::string(64, 'a') + "\n");
  tree.write("secrets/PASSWORD", "hunter2\n");
  tree.write("overlays/node=n2/inputs/ROLE", "second\n");
}

}  // namespace

TEST_CASE("every verb has help on standard output with the exit codes", "[cli]") {
  const auto words = GENERATE(values<std::vector<std::string>>({{},
                                                                {"status"},
                                                                {"wait"},
                                                                {"plan"},
                                                                {"apply"},
                                                                {"peers"},
                                                                {"history"},
                                                                {"logs"},
                                                                {"leave"},
                                                                {"config"},
                                                                {"config", "get"},
                                                                {"config", "list"},
                                                                {"config", "keys"},
                                                                {"config", "dump"},
                                                                {"config", "check"},
                                                                {"config", "set"},
                                                                {"config", "diff"},
                                                                {"config", "unset"},
                                                                {"profile"},
                                                                {"profile", "list"},
                                                                {"token"},
                                                                {"token", "create"},
                                                                {"explain"},
                                                                {"media"},
                                                                {"media", "create"},
                                                                {"media", "import"},
                                                                {"hardware"}}));
  auto with_help = words;
  with_help.emplace_back("--help");

  const Ran ran = klubster_command(with_help);

  CHECK(ran.code == kExitDone);
  CHECK(ran.err.empty());
  for (const auto* code : {"0 ", "1 ", "2 ", "4 ", "64 ", "75 ", "78 "}) {
    CHECK_THAT(ran.out, ContainsSubstring(std::string("  ") + code));
  }
}

TEST_CASE("wrong usage is told on standard error, with what to type, and exits 64", "[cli]") {
  const auto [words, part] = GENERATE(table<std::vector<std::string>, std::string>({
      {std::vector<std::string>(), "next: klubster --help"},
      {{"stats"}, "did you mean status?"},
      {{"config", "chek"}, "did you mean check?"},
      {{"config"}, "next: klubster config --help"},
      {{"status", "--jsn"}, "there is no option `--jsn` (did you mean --json?)"},
      {{"status", "--colour-of-hat"}, "no option `--colour-of-hat`\nnext: klubster status --help"},
      {{"status", "now"}, "expected nothing more, found `now`"},
      {{"config", "--json", "check"}, "expected --json after `klubster config check`"},
      {{"config", "get"}, "KEY is required\nnext: klubster config get --help"},
      {{"config", "keys", "--format", "yaml"}, "yaml"},
      {{"wait", "--timeout", "soon"}, "found `soon`\nnext: klubster wait --help"},
      {{"wait", "--for", "ready"}, "expected a condition such as Ready"},
      {{"wait", "--for=Ready/servr"}, "found `Ready/servr`"},
      {{"apply", "--if-generation", "-1"}, "--if-generation: expected a number, found `-1`"},
      {{"history", "--limit", "10s"}, "--limit: expected a number, found `10s`"},
      {{"history", "--generation", "last"}, "--generation: expected a number, found `last`"},
      {{"history", "verfy"}, "found `verfy`\nnext: klubster history --help"},
      {{"explain"}, "expected a key, a reason or --all\nnext: klubster explain --help"},
      {{"config", "check", "--root", "/nonexistent/tree"}, "no directory"},
      {{"config", "check", "--node", "N 1"}, "expected a host name"},
  }));
  CAPTURE(words);

  const Ran ran = klubster_command(words);

  CHECK(ran.code == kExitUsage);
  CHECK(ran.out.empty());
  CHECK_THAT(ran.err, ContainsSubstring(part));
}

TEST_CASE("words behind --root DIR are the verb's own", "[cli]") {
  TreeFiles tree;
  tree.write("inputs/X", "1\n");
  const auto run = [&](std::vector<std::string> words) {
    const Ran ran = klubster_command(words);
    CHECK(ran.code == kExitDone);
    return ran.out;
  };

  run({"config", "set", "--root", tree.path(), "inputs/Y", "2"});

  CHECK_THAT(run({"explain", "--root", tree.path(), "inputs/Y"}), ContainsSubstring("value: 2"));
  CHECK(run({"config", "list", "--root", tree.path(), "inputs/Y"}) ==
        "KEY       VALUE\ninputs/Y  2\n");
}

TEST_CASE("errors become the exit code that says what to do", "[cli]") {
  const auto code = [](ErrorKind kind) { return exit_code(Error(kind, "X", "x")); };

  CHECK(code(ErrorKind::kInvalid) == 78);
  CHECK(code(ErrorKind::kUntrusted) == 78);
  CHECK(code(ErrorKind::kUnavailable) == 75);
  CHECK(code(ErrorKind::kTimeout) == 75);
  CHECK(code(ErrorKind::kConflict) == 4);
  CHECK(code(ErrorKind::kIo) == 1);
  CHECK(code(ErrorKind::kInternal) == 1);
}

TEST_CASE("token create prints a token and nothing else", "[cli]") {
  const Ran ran = klubster_command({"token", "create"});

  CHECK(ran.code == kExitDone);
  CHECK(ran.err.empty());
  REQUIRE(ran.out.ends_with('\n'));
  CHECK(token_secret(ran.out.substr(0, ran.out.size() - 1)));
}

TEST_CASE("config check of a fleet checks each of its nodes", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);

  const Ran ran = klubster_command({"config", "check", "--root", tree.path()});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.out, ContainsSubstring("node n1: fine") && ContainsSubstring("node n2: fine"));
}

TEST_CASE("config check names every mistake and exits 78", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  tree.write("members/n2/modes", "agnt\n");
  tree.write("overlays/node=n2/inputs/lower", "x\n");

  const Ran all = klubster_command({"config", "check", "--root", tree.path(), "--all-nodes"});
  const Ran json =
      klubster_command({"config", "check", "--root", tree.path(), "--node", "n2", "--json"});

  CHECK(all.code == kExitFixInput);
  CHECK_THAT(all.err, ContainsSubstring("did you mean agent?") && ContainsSubstring("node n2: ") &&
                          ContainsSubstring("inputs/lower"));
  CHECK(json.code == kExitFixInput);
  const Json findings = parse_json(json.out).value();
  REQUIRE(findings.as_array()->size() == 1);
  CHECK((*findings.as_array())[0].items("errors").size() == 2);
}

TEST_CASE("config check tells a mistake once, with the nodes that have it", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  tree.write("members/n3/modes", "agent\n");
  tree.write("apply/auto", "ture\n");
  tree.write("overlays/mode=agent/apply/drift", "mend\n");

  const Ran ran = klubster_command({"config", "check", "--root", tree.path()});

  CHECK(ran.code == kExitFixInput);
  CHECK(ran.err == "all nodes: " + tree.at("apply/auto") +
                       ": key apply/auto: expected true or false, found `ture`\nnodes n2, n3: " +
                       tree.at("overlays/mode=agent/apply/drift") +
                       ": key apply/drift: expected report or repair, found `mend`\n"
                       "next: mend these files; klubster explain KEY shows what fits\n");
}

TEST_CASE("who reads from a tree with mistakes is told how to see them", "[cli]") {
  TreeFiles tree;
  tree.write("apply/auto", "ture\n");

  const auto get = [&](const std::string& key) {
    return klubster_command({"config", "get", key, "--root", tree.path(), "--node", "n2"});
  };

  CHECK(get("apply/drift").out == "report\n");
  CHECK_THAT(get("apply/drift").err,
             ContainsSubstring("klubster config check --root " + tree.path() + " --node n2\n"));
  CHECK(get("apply/auto").code == kExitFixInput);  // neither what stands there nor the default
  CHECK(get("apply/auto").out.empty());
  CHECK_THAT(get("apply/auto").err, ContainsSubstring("expected true or false, found `ture`"));
}

TEST_CASE("config check of this machine's tree sees what klubsterd cannot read", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  tree.write("node/name", "n1\n");
  if (::chown(tree.at("cluster/token").c_str(), 1234, 0) != 0) return;  // nobody but root can
  ::setenv("KLUBSTER_CONFIG_PATH", tree.path().c_str(), 1);

  const Ran whole = klubster_command({"config", "check"});
  const Ran fleet = klubster_command({"config", "check", "--root", tree.path(), "--node", "n1"});
  fs::permissions(tree.at("cluster"), fs::perms(0700));
  (void)::chown(tree.at("cluster").c_str(), 1234, 0);
  const Ran directory = klubster_command({"config", "check"});

  ::unsetenv("KLUBSTER_CONFIG_PATH");
  CHECK(whole.code == kExitFixInput);
  CHECK_THAT(whole.err, ContainsSubstring("key cluster/token: expected what klubsterd may read, "
                                          "found mode 0600 of uid 1234 (mend with: chown root)"));
  CHECK_THAT(directory.err, ContainsSubstring("found mode 0700 of uid 1234"));
  CHECK(fleet.code == kExitDone);
}

TEST_CASE("config get prints the value, the default, or says that there is none", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  const auto get = [&](const std::string& key) {
    return klubster_command({"config", "get", key, "--root", tree.path(), "--node", "n2"});
  };

  CHECK(get("inputs/ROLE").out == "second\n");
  CHECK(get("peering/listen").out == "[::]:9446\n");
  CHECK(get("node/name").out == "n2\n");
  CHECK(get("secrets/PASSWORD").out == "(secret)\n");
  CHECK(get("node/environment").code == kExitFailed);
  CHECK(get("node/environment").out.empty());
  CHECK(get("node/mode").code == kExitFixInput);
  CHECK_THAT(get("node/mode").err, ContainsSubstring("did you mean node/modes?"));
}

TEST_CASE("no verb shows a secret of the tree", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  const auto words = GENERATE(values<std::vector<std::string>>({{"config", "list", "--origin"},
                                                                {"config", "list", "--json"},
                                                                {"config", "dump"},
                                                                {"config", "dump", "--origin"},
                                                                {"explain", "secrets/PASSWORD"}}));
  auto with_tree = words;
  with_tree.insert(with_tree.end(), {"--root", tree.path(), "--node", "n1"});

  const Ran ran = klubster_command(with_tree);

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.out, ContainsSubstring("(secret)"));
  CHECK(ran.out.find("hunter2") == std::string::npos);
  CHECK(ran.out.find("kt1-") == std::string::npos);
}

TEST_CASE("a dumped tree is the same config again, byte for byte", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  TreeFiles target;
  const auto hash = [](const std::string& root) {
    const Ran ran = klubster_command({"config", "dump", "--root", root, "--node", "n2"});
    return parse_json(ran.out).value().text_or("hash");
  };

  const Ran ran = klubster_command({"config", "dump", "--root", tree.path(), "--node", "n2",
                                    "--format", "tree", "--to", target.at("new"), "--secrets"});

  CHECK(ran.code == kExitDone);
  CHECK(hash(target.at("new")) == hash(tree.path()));
  struct stat info {};
  REQUIRE(::stat(target.at("new/cluster/token").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  const Ran again = klubster_command({"config", "dump", "--root", tree.path(), "--node", "n2",
                                      "--format", "tree", "--to", target.at("new")});
  CHECK(again.code == kExitFailed);
}

TEST_CASE("a dumped tree leaves secrets out unless they are asked for", "[cli]") {
  TreeFiles tree;
  write_fleet(tree);
  TreeFiles target;

  const Ran ran = klubster_command({"config", "dump", "--root", tree.path(), "--node", "n2",
                                    "--format", "tree", "--to", target.at("new")});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.err, ContainsSubstring("left out: secrets/PASSWORD"));
  CHECK_FALSE(fs::exists(target.at("new/secrets")));
  CHECK(fs::exists(target.at("new/inputs/ROLE")));
}

TEST_CASE("explain shows the winning file and what it won against", "[cli]") {
  TreeFiles low;
  TreeFiles high;
  low.write("profile/url", "https://low.org/p\n");
  high.write("profile/url", "https://high.org/p\n");

  const Ran ran =
      klubster_command({"explain", "profile/url", "--root", low.path(), "--root", high.path()});

  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.out, ContainsSubstring("value: https://high.org/p") &&
                          ContainsSubstring("from: layer system, " + high.at("profile/url")) &&
                          ContainsSubstring("instead of: https://low.org/p, layer image, " +
                                            low.at("profile/url")));
}

TEST_CASE("explain shows a key's other names, hidden secrets, removals and what was refused",
          "[cli]") {
  TreeFiles low;
  TreeFiles high;
  low.write("secrets/S", "hunter2\n");
  high.write("secrets/S", "hunter3\n");
  low.write("profile/url", "https://low.org/p\n");
  low.write("profile/ca.lock", "");
  high.write("profile/url.unset", "");
  high.write("profile/ca", "no certificate\n");
  for (const auto* directory : {&low, &high})
    fs::permissions(directory->at("secrets/S"), fs::perms(0600));
  const auto explain = [&](const std::string& key) {
    const Ran ran = klubster_command(
        {"explain", key, "--root", low.path(), "--root", high.path(), "--node", "n1"});
    CHECK(ran.code == kExitDone);
    return ran.out;
  };

  CHECK_THAT(explain("secrets/S"),
             ContainsSubstring("value: (secret)\nfrom: layer system, " + high.at("secrets/S")) &&
                 ContainsSubstring("instead of: (secret), layer image, " + low.at("secrets/S")) &&
                 ContainsSubstring("variable: none") &&
                 ContainsSubstring("credential: klubster.secrets.S") &&
                 ContainsSubstring("kernel line: never"));
  CHECK_THAT(explain("profile/url"),
             ContainsSubstring("variable: KLUBSTER_PROFILE_URL_FILE") &&
                 ContainsSubstring("kernel line: klubster.profile.url=VALUE") &&
                 ContainsSubstring("value: not set\nremoved by: layer system, " +
                                   high.at("profile/url.unset")));
  CHECK_THAT(explain("profile/ca"),
             ContainsSubstring("refused: " + high.at("profile/ca") + ": key profile/ca: expected"));
  CHECK_THAT(explain("node/name"), ContainsSubstring("value: n1\nfrom: --node"));
}

TEST_CASE("config get --json adds layer and file", "[cli]") {
  TreeFiles tree;
  tree.write("inputs/X", "1\n");
  const auto get = [&](const std::string& key) {
    const Ran ran = klubster_command({"config", "get", key, "--root", tree.path(), "--json"});
    return parse_json(ran.out).value();
  };

  CHECK(get("inputs/X").text_or("value") == "1");
  CHECK(get("inputs/X").text_or("file") == tree.at("inputs/X"));
  CHECK(get("apply/auto").integer_or("layer") == 1);
}

TEST_CASE("explain knows reasons, and says which one was probably meant", "[cli]") {
  const Ran known = klubster_command({"explain", "DigestMismatch"});
  const Ran wrong = klubster_command({"explain", "DigestMissmatch"});

  CHECK(known.code == kExitDone);
  CHECK_THAT(known.out, ContainsSubstring("next: "));
  CHECK(wrong.code == kExitFixInput);
  CHECK_THAT(wrong.err, ContainsSubstring("did you mean DigestMismatch?"));
}

TEST_CASE("explain of a directory of keys names them", "[cli]") {
  const Ran recovery = klubster_command({"explain", "recovery"});
  const Ran limits = klubster_command({"explain", "profile/limits"});

  CHECK(recovery.code == kExitFixInput);
  CHECK_THAT(recovery.err,
             ContainsSubstring("no key `recovery`, but recovery/attempts, recovery/"));
  CHECK_THAT(limits.err, ContainsSubstring("but profile/limits/entries, profile/limits/bytes"));
}

TEST_CASE("config list has one line for each value", "[cli]") {
  TreeFiles tree;
  tree.write("inputs/A", "one\ntwo\nthree\n");
  tree.write("inputs/B", std::string(300, 'x') + "\n");

  const Ran ran = klubster_command({"config", "list", "--root", tree.path(), "--node", "n1"});

  CHECK(ran.out ==
        "KEY       VALUE\ninputs/A  one … (3 lines)\ninputs/B  " + std::string(100, 'x') + "…\n");
}

TEST_CASE("logs takes numbers where numbers belong", "[cli]") {
  const auto option = GENERATE(as<std::string>{}, "--attempt", "--lines");
  const Ran ran = klubster_command({"logs", "etcd", option, "two"});
  CHECK(ran.code == kExitUsage);
  CHECK_THAT(ran.err, ContainsSubstring(option + ": expected a number, found `two`"));
}

TEST_CASE("a verb without an agent exits 75 and says how to look", "[cli]") {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const auto verb = GENERATE(as<std::string>{}, "status", "plan", "apply", "peers", "history");

  const Ran ran = klubster_command({verb});

  ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  CHECK(ran.code == kExitTryAgain);
  CHECK(ran.out.empty());
  CHECK_THAT(ran.err, ContainsSubstring("next: systemctl status"));
}

TEST_CASE("package verbs are handed to klubster-unpack with their words and options", "[cli]") {
  TreeFiles programs;
  programs.write("klubster-unpack", "#!/bin/sh\nprintf '%s|' \"$@\" >\"$0.said\"\n");
  fs::permissions(programs.at("klubster-unpack"), fs::perms::owner_all);
  ::setenv("KLUBSTER_PROGRAM_DIR", programs.path().c_str(), 1);

  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(klubster_command({"profile", "pack", "dir", "-o", "a b.tgz", "--seq=4", "-h"}).code);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);

  ::unsetenv("KLUBSTER_PROGRAM_DIR");
  CHECK(status == 0);
  std::ifstream said(programs.at("klubster-unpack.said"));
  std::string line;
  std::getline(said, line);
  CHECK(line == "pack|dir|-o|a b.tgz|--seq|4|--help|");
}

TEST_CASE("hardware facts come from sysfs and from the cards", "[cli]") {
  TreeFiles machine;
  machine.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  machine.write("sys/class/dmi/id/product_serial", "S3R1AL\n");

  const Hardware facts =
      hardware_facts(machine.at("sys"), machine.at("etc"), {"02:00:00:00:00:01"});

  CHECK(facts.machine_id == "0123456789abcdef0123456789abcdef");
  CHECK(facts.serial == "S3R1AL");
  CHECK(facts.product.empty());
  CHECK(facts.macs == std::vector<std::string>{"02:00:00:00:00:01"});
}

TEST_CASE("hardware facts are written to a file that only root may read", "[cli]") {
  TreeFiles machine;
  machine.write("run/hardware.json", "old, and longer than what replaces it would ever be");

  const Ran ran = klubster_command({"hardware", "--output", machine.at("run/hardware.json")});

  CHECK(ran.code == kExitDone);
  CHECK(ran.out.empty());
  const auto text = read_file(machine.at("run/hardware.json"), 65536);
  REQUIRE(text);
  const auto json = parse_json(*text);
  REQUIRE(json);
  CHECK(hardware_from_json(*json));
  CHECK((fs::status(machine.at("run/hardware.json")).permissions() & fs::perms::mask) ==
        (fs::perms::owner_read | fs::perms::owner_write));
}
