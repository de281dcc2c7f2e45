// Laying layers over one another: what it means, and that the order of doing it does not matter.
#include "model/tree_patch.h"

#include <random>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// Few keys, some inside others' directories, so that sets, removals and locks meet often.
constexpr std::string_view kPaths[] = {"a/x", "a/y", "a/d/p", "a/d/q", "b/x", "c"};
constexpr std::string_view kDirectories[] = {"a", "a/d", "b"};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(engine_); }
  std::string path() { return std::string(kPaths[below(std::size(kPaths))]); }
  std::string path_or_directory() {
    return below(2) == 0 ? path() : std::string(kDirectories[below(std::size(kDirectories))]);
  }

 private:
  std::mt19937 engine_;
};

TreePatch random_layer(Dice& dice, int layer) {
  TreePatch patch;
  const unsigned changes = dice.below(6);
  for (unsigned i = 0; i < changes; ++i) {
    const Origin origin{layer, std::to_string(layer) + "." + std::to_string(i)};
    switch (dice.below(5)) {
      case 0:
        patch.remove(dice.path_or_directory(), origin);
        break;
      case 1:
        if (dice.below(3) == 0) patch.lock(dice.path_or_directory(), origin);
        break;
      default:
        patch.set(dice.path(), std::to_string(dice.below(3)), origin);
    }
  }
  return patch;
}

TreePatch over(TreePatch lower, const TreePatch& upper) {
  lower.lay_over(upper);
  return lower;
}

std::string text(const TreePatch& patch) {
  std::string out;
  for (const auto& [key, setting] : patch.settings()) {
    out += key + "=" + setting.value + " from " + setting.origin.file;
    for (const auto& shadowed : setting.shadowed)
      out += " over " + shadowed.value + " from " + shadowed.origin.file;
    out += "; ";
  }
  for (const auto& [path, removal] : patch.removals())
    out += path + " removed by " + removal.origin.file + "; ";
  return out + std::to_string(patch.problems().size()) + " problems";
}

}  // namespace

TEST_CASE("laying over is associative: whichever layers come together first", "[tree-patch]") {
  const unsigned first = GENERATE(1U, 20'000U);
  std::size_t with_locks = 0, with_removals = 0;
  for (unsigned seed = first; seed < first + 5'000; ++seed) {
    Dice dice(seed);
    const TreePatch a = random_layer(dice, 2);
    const TreePatch b = random_layer(dice, 3);
    const TreePatch c = random_layer(dice, 4);

    const TreePatch from_below = over(over(a, b), c);
    const TreePatch from_above = over(a, over(b, c));

    if (!from_below.problems().empty()) ++with_locks;
    if (!from_below.removals().empty()) ++with_removals;
    if (from_below == from_above) continue;
    CAPTURE(seed, text(a), text(b), text(c));
    CHECK(text(from_below) == text(from_above));
    FAIL("not associative");
  }
  // The dice reach what is hard.
  CHECK(with_locks > 200);
  CHECK(with_removals > 1'000);
}

TEST_CASE("an empty layer changes nothing, above or below", "[tree-patch]") {
  for (unsigned seed = 1; seed < 500; ++seed) {
    Dice dice(seed);
    const TreePatch layer = random_layer(dice, 3);
    CHECK(over(layer, TreePatch()) == layer);
    CHECK(over(TreePatch(), layer) == layer);
  }
}

TEST_CASE("a removed directory keeps what is locked in it, and says so", "[tree-patch]") {
  TreePatch lower;
  lower.set("a/x", "1", {2, "L/a/x"});
  lower.set("a/y", "2", {2, "L/a/y"});
  lower.lock("a/x", {2, "L/a/x.lock"});
  TreePatch upper;
  upper.remove("a", {3, "U/a.unset"});

  lower.lay_over(upper);

  CHECK(lower.settings().size() == 1);
  CHECK(lower.settings().at("a/x").value == "1");
  REQUIRE(lower.problems().size() == 1);
  CHECK(lower.problems()[0].text() ==
        "U/a.unset: key a: expected no change in a layer above L/a/x.lock, which locks it, found "
        "one");
}

TEST_CASE("a value that is removed and set anew in one layer shadows nothing", "[tree-patch]") {
  TreePatch lower;
  lower.set("c", "old", {2, "L/c"});
  TreePatch upper;
  upper.remove("c", {3, "U/c.unset"});
  upper.set("c", "new", {3, "U/c"});

  lower.lay_over(upper);

  CHECK(lower.settings().at("c") == Setting{"new", {3, "U/c"}, {}});
  CHECK(lower.removals().at("c").origin == Origin{3, "U/c.unset"});
}
