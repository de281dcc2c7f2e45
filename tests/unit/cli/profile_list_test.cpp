// Which profiles lie on the disk, and which generations go by them.
#include "cli/sealed_profiles.h"

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "model/event_line.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

const std::string kOld(64, 'a'), kNew(64, 'b'), kStray(64, 'c'), kBroken(64, 'd');

// The disk of a machine whose second generation was never Ready.
struct Disk {
  TemporaryDirectory directory;
  std::string state = directory.path();

  void write(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(state + "/" + name).parent_path());
    std::ofstream(state + "/" + name) << content;
    fs::permissions(state, fs::perms(0755));
  }
  void log() const {
    std::vector<Event> events = {profile_accepted({"origin", kOld, "demo", "1.0", "", 0}),
                                 generation_made({1, "hash", "origin", kOld, "demo", "1.0"}),
                                 generation_ready(1),
                                 generation_made({2, "hash2", "origin", kOld, "demo", "1.0"}),
                                 generation_ready(2),
                                 generation_made({3, "hash2", "origin2", kNew, "demo", "2.0"})};
    std::string lines;
    for (auto& event : events) {
      event.seq = static_cast<std::uint64_t>(&event - events.data()) + 1;
      lines += event_line(event, std::string(64, '0'), 1) + "\n";
    }
    write("log/00000001.jsonl", lines);
  }
  void profiles() const {
    write("profiles/" + kOld + "/profile.yaml", "old");
    write("profiles/" + kNew + "/bin/deep/tool", std::string(2048, 'x'));
    fs::create_symlink("/", state + "/profiles/" + kNew + "/link");
    write("profiles/" + kStray + "/profile.yaml",
          "apiVersion: infra.productive-k3s.io/v1\nkind: Profile\n"
          "metadata: { name: stray, version: 0.1.0 }\n"
          "spec: { modes: { server: { steps: [] } } }\n");
    write("profiles/" + kBroken + "/profile.yaml", "rubbish");
    write("profiles/lost+found/x", "x");
  }
};

Ran list(const std::vector<std::string>& more) {
  ::setenv("KLUBSTER_PROGRAM_DIR", KLUBSTER_TEST_PROGRAM_DIR, 1);
  std::vector<std::string> words = {"profile", "list"};
  words.insert(words.end(), more.begin(), more.end());
  const Ran ran = klubster_command(words);
  ::unsetenv("KLUBSTER_PROGRAM_DIR");
  return ran;
}

}  // namespace

TEST_CASE("profiles are listed with the generations that go by them", "[profile]") {
  const Disk machine;
  machine.profiles();
  machine.log();

  const Ran ran = list({"--state-dir", machine.state, "--json"});

  REQUIRE(ran.code == kExitDone);
  CHECK(ran.err.empty());
  const auto answer = parse_json(ran.out);
  REQUIRE(answer);
  const auto& rows = *answer->as_array();
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].text_or("name") == "demo");
  CHECK(rows[0].text_or("version") == "1.0");
  CHECK(rows[0].text_or("sha256") == kOld);
  CHECK(rows[0].bool_or("lastGood"));
  CHECK_FALSE(rows[0].bool_or("current"));
  CHECK(rows[0].get("generations").dump() == "[1,2]");
  CHECK(rows[1].bool_or("current"));
  CHECK(rows[1].integer_or("bytes") == 2048);  // the link is not followed
  CHECK(rows[1].integer_or("files") == 1);
  CHECK(rows[2].text_or("name") == "stray");  // of no generation: its manifest says so
  CHECK(rows[2].items("generations").empty());
  CHECK(rows[3].text_or("name") == "(unreadable)");
}

TEST_CASE("the list for people is a table", "[profile]") {
  const Disk machine;
  machine.profiles();
  machine.log();
  const Ran ran = list({"--state-dir", machine.state});
  CHECK(ran.code == kExitDone);
  CHECK_THAT(ran.out, ContainsSubstring("demo          1.0      aaaaaaaaaaaa  3"));
  CHECK_THAT(ran.out, ContainsSubstring("bbbbbbbbbbbb  2.0K  1      current\n"));
  CHECK_THAT(ran.out, ContainsSubstring("last good\n"));
}

TEST_CASE("a machine without profiles, or without a log, has a list, too", "[profile]") {
  const Disk machine;
  CHECK(list({"--state-dir", machine.state}).out.empty());
  CHECK(list({"--state-dir", machine.state, "--json"}).out == "[]\n");
  machine.profiles();
  const Ran ran = list({"--state-dir", machine.state, "--json"});
  CHECK(ran.code == kExitDone);
  CHECK_FALSE((*parse_json(ran.out)->as_array())[0].bool_or("current"));
}

TEST_CASE("one profile may be both the present and the last good one", "[profile]") {
  ProfileUses uses;
  uses.add("GenerationMade",
           Json::Object{
               {"generation", 7},
               {"profile", Json::Object{{"sha256", kOld}, {"name", "demo"}, {"version", "1"}}}});
  uses.add("GenerationReady", Json::Object{{"generation", 7}});
  uses.add("StepDone", Json::object());
  const auto taken = uses.take();
  REQUIRE(taken.size() == 1);
  CHECK(taken.at(kOld).current);
  CHECK(taken.at(kOld).last_good);
}
