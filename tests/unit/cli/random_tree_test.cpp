// What holds for every tree: random files in random layers and overlays.
#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <locale>
#include <random>

#include "base/json.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "linux/config_tree.h"
#include "model/schema.h"
#include "tests/unit/catch.h"
#include "tests/unit/cli/command_line.h"
#include "tests/unit/tree_files.h"

using namespace klubster;

namespace {

using Texts = std::vector<std::string>;

struct Choice {
  std::string key;
  Texts values;
};

// Whichever of these meet, the tree is valid.
const std::vector<Choice> kChoices = {
    {"node/modes", {"agent", "single-node", "stack agent"}},
    {"node/environment", {"prod", "test"}},
    {"node/labels/rack", {"a1", "Regal 7 – oben"}},
    {"node/labels/example.org/zone", {"eu", ""}},
    {"cluster/name", {"lab", "fleet"}},
    {"profile/mirrors.d/10-near", {"https://near.example/p.tgz"}},
    {"profile/limits/bytes", {"64M", "1G"}},
    {"profile/ca.unset", {""}},
    {"profile/mirrors.d.unset", {""}},
    {"inputs/DOMAIN", {"example.org", "Grüße", " spaces ", "a=b \"c\" $d"}},
    {"inputs/LINES", {"1\n2", "\n", ""}},
    {"inputs/LINES.unset", {""}},
    {"inputs.unset", {""}},
    {"secrets/PASSWORD", {"hunter2", "hunter3"}},
    {"secrets/PASSWORD.unset", {""}},
    {"steps/path.d/10", {"/opt/a/bin", "/opt/b/bin"}},
    {"steps/path.d/9", {"/opt/c/bin"}},
    {"apply/auto", {"true", "false"}},
    {"recovery/attempts", {"1", "7"}},
};
const Texts kOverlays = {"",
                         "",
                         "",
                         "overlays/environment=prod/",
                         "overlays/cluster=lab/",
                         "overlays/mode=agent/",
                         "overlays/node=n1/",
                         "overlays/node=n2/"};

struct File {
  std::string path, content;
};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_);
  }
  template <typename T>
  const T& one_of(const std::vector<T>& items) {
    return items[below(items.size())];
  }
  void shuffle(std::vector<File>& files) { std::shuffle(files.begin(), files.end(), engine_); }

 private:
  std::mt19937 engine_;
};

bool decides_about_overlays(const std::string& key) {
  return key == "node/modes" || key == "node/environment" || key == "cluster/name";
}

std::vector<File> random_files(Dice& dice) {
  // Both are always there, so that every tree has a profile.
  std::vector<File> files = {{"L0/profile/url", "https://example.org/p.tgz"},
                             {"L0/profile/sha256", std::string(64, 'a')}};
  const std::size_t count = 5 + dice.below(30);
  for (std::size_t i = 0; i < count; ++i) {
    const Choice& choice = dice.one_of(kChoices);
    std::string overlay = dice.one_of(kOverlays);
    if (decides_about_overlays(choice.key) && !overlay.starts_with("overlays/node=")) overlay = "";
    std::string path = "L" + std::to_string(dice.below(4));
    path += "/" + overlay + choice.key;
    const auto same = std::ranges::find(files, path, &File::path);
    if (same == files.end()) files.push_back({path, dice.one_of(choice.values) + "\n"});
    if (path.ends_with(".unset") && same == files.end()) files.back().content = "";
  }
  return files;
}

// The options that read the four layers below `root`.
Texts layers_of(const std::string& root) {
  Texts words;
  for (const char* layer : {"/L0", "/L1", "/L2", "/L3"}) {
    words.emplace_back("--root");
    words.push_back(root + layer);
  }
  words.insert(words.end(), {"--node", "n1"});
  return words;
}

void write_files(const TreeFiles& into, const std::vector<File>& files) {
  for (const auto* layer : {"L0/.kept", "L1/.kept", "L2/.kept", "L3/.kept"})
    into.write(layer, "");
  for (const auto& file : files)
    into.write(file.path, file.content, 0600);
}

Ran run_on(const Texts& verb, const Texts& options) {
  Texts words = verb;
  words.insert(words.end(), options.begin(), options.end());
  return klubster_command(words);
}

std::string hash_of(const Texts& options) {
  const Ran ran = run_on({"config", "check", "--json"}, options);
  CAPTURE(ran.out, ran.err);
  REQUIRE(ran.code == kExitDone);
  return parse_json(ran.out)->as_array()->at(0).text_or("hash");
}

// The lines of `text` that begin with `start`, without it.
Texts lines_with(const std::string& text, const std::string& start) {
  Texts found;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with(start)) found.push_back(line.substr(start.size()));
  }
  return found;
}

// Numbers with dots in them, dates in another order: nothing of it may reach a hash.
class Thousands : public std::numpunct<char> {
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};

}  // namespace

TEST_CASE("explain agrees with get for every key and names one winner", "[random-tree]") {
  std::size_t keys = 0;
  for (unsigned seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    TreeFiles directory;
    write_files(directory, random_files(dice));
    const auto options = layers_of(directory.path());
    const auto listed = parse_json(run_on({"config", "list", "--json"}, options).out);
    REQUIRE(listed);
    for (const auto& row : *listed->as_array()) {
      const std::string key = row.text_or("key");
      CAPTURE(key);
      ++keys;
      const Ran got = run_on({"config", "get", key}, options);
      const Ran explained = run_on({"explain", key}, options);
      CAPTURE(explained.out);
      CHECK(got.code == kExitDone);
      CHECK(explained.code == kExitDone);
      CHECK(got.out == row.text_or("value") + "\n");
      CHECK(explained.out.find("value: " + got.out) != std::string::npos);
      const auto winners = lines_with(explained.out, "from: ");
      REQUIRE(winners.size() == 1);
      CHECK(winners[0].ends_with(row.text_or("file")));
      CHECK(explained.out.find("hunter") == std::string::npos);
    }
  }
  CHECK(keys > 200);
}

TEST_CASE("a dump reads back as the same config", "[random-tree]") {
  for (unsigned seed = 100; seed <= 160; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    TreeFiles directory;
    write_files(directory, random_files(dice));
    const auto options = layers_of(directory.path());
    const std::string dump = directory.path() + "/dump";
    Texts words = {"config", "dump", "--format", "tree", "--secrets", "--to", dump};

    const Ran dumped = run_on(words, options);

    CAPTURE(dumped.err);
    REQUIRE(dumped.code == kExitDone);
    CHECK(hash_of({"--root", dump}) == hash_of(options));
    // Dumped once more it is the same, file by file.
    words.back() = dump + "2";
    REQUIRE(run_on(words, {"--root", dump}).code == kExitDone);
    CHECK(std::system(("diff -r " + dump + " " + dump + "2").c_str()) == 0);
  }
}

TEST_CASE("the hash knows no locale, time zone or order of files", "[random-tree]") {
  for (unsigned seed = 200; seed <= 230; ++seed) {
    CAPTURE(seed);
    Dice dice(seed);
    auto files = random_files(dice);
    TreeFiles first, second;
    write_files(first, files);
    dice.shuffle(files);
    const std::string here = hash_of(layers_of(first.path()));

    const std::locale before = std::locale::global(std::locale(std::locale(), new Thousands));
    const std::string locale = std::setlocale(LC_ALL, nullptr);
    (void)std::setlocale(LC_ALL, "C.UTF-8");
    ::setenv("TZ", "Pacific/Chatham", 1);
    write_files(second, files);
    const std::string elsewhere = hash_of(layers_of(second.path()));
    ::unsetenv("TZ");
    std::setlocale(LC_ALL, locale.c_str());
    std::locale::global(before);

    CHECK(elsewhere == here);
  }
}
