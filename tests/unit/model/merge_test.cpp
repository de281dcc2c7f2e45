// Layers, overlays, unset and lock.
#include "model/merge.h"

#include <algorithm>

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

// {layer, key, value} in any order.
using Rows = std::vector<std::tuple<int, std::string, std::string>>;

MergedTree merged(const Rows& rows, const std::string& hostname = "n1",
                  const std::string& node = "") {
  MergeRequest request;
  for (int layer = kLayerImage; layer <= kLayerRuntime; ++layer) {
    request.layers.push_back({layer, "/L" + std::to_string(layer), {}, {}});
  }
  for (const auto& [layer, key, value] : rows) {
    auto& into = request.layers[static_cast<std::size_t>(layer - kLayerImage)];
    into.files.push_back({key, value, into.root + "/" + key});
  }
  request.hostname = hostname;
  request.node = node;
  return merge_tree(request);
}

std::string value_of(const MergedTree& tree, const std::string& key) {
  const auto found = tree.settings.find(key);
  return found == tree.settings.end() ? "(none)" : found->second.value;
}

std::string all_errors(const MergedTree& tree) {
  std::string text;
  for (const auto& error : tree.errors)
    text += error.text() + "\n";
  return text;
}

}  // namespace

TEST_CASE("the highest layer wins and remembers what it won against", "[merge]") {
  const auto tree = merged({{5, "profile/url", "https://e/5"},
                            {2, "profile/url", "https://e/2"},
                            {3, "profile/url", "https://e/3"}});

  const auto& setting = tree.settings.at("profile/url");
  CHECK(setting.value == "https://e/5");
  CHECK(setting.origin == Origin{5, "/L5/profile/url"});
  REQUIRE(setting.shadowed.size() == 2);
  CHECK(setting.shadowed[0] == Shadowed{"https://e/3", {3, "/L3/profile/url"}});
  CHECK(setting.shadowed[1] == Shadowed{"https://e/2", {2, "/L2/profile/url"}});
}

TEST_CASE("within a root, overlays beat the base in the order environment, cluster, mode, node",
          "[merge]") {
  Rows rows = {{3, "node/environment", "prod"},
               {3, "cluster/name", "lab"},
               {3, "node/modes", "server stack"},
               {3, "inputs/X", "base"}};
  const std::vector<std::pair<std::string, std::string>> overlays = {
      {"overlays/environment=prod/inputs/X", "environment"},
      {"overlays/cluster=lab/inputs/X", "cluster"},
      {"overlays/mode=server/inputs/X", "server"},
      {"overlays/mode=stack/inputs/X", "stack"},
      {"overlays/node=n1/inputs/X", "node"}};
  CHECK(value_of(merged(rows), "inputs/X") == "base");
  for (const auto& [key, value] : overlays) {
    rows.insert(rows.begin(), {3, key, value});
    CAPTURE(key);
    CHECK(value_of(merged(rows), "inputs/X") == value);
  }
}

TEST_CASE("an overlay of a lower root loses to the base of a higher one", "[merge]") {
  const auto tree =
      merged({{3, "overlays/node=n1/inputs/X", "low overlay"}, {4, "inputs/X", "high base"}});

  CHECK(value_of(tree, "inputs/X") == "high base");
}

TEST_CASE("an overlay of something else does not count, however wrong it is", "[merge]") {
  const auto tree = merged({{3, "overlays/node=n2/inputs/X", "other"},
                            {3, "overlays/node=n2/node/mdoes", "typo"},
                            {3, "overlays/mode=agent/apply/auto", "maybe"}});

  CHECK(value_of(tree, "inputs/X") == "(none)");
  CHECK(all_errors(tree).empty());
  CHECK(tree.nodes == std::vector<std::string>{"n2"});
}

TEST_CASE("the node is found by --node, then node/name, then the hostname", "[merge]") {
  const Rows named = {{3, "node/name", "from-file"}};

  CHECK(merged(named, "host", "forced").node == "forced");
  CHECK(merged(named, "host").node == "from-file");
  CHECK(merged({}, "Host.example.org").node == "host");
  CHECK(merged({}, "Host.example.org").node_from == NodeNameFrom::kHostname);
  CHECK_THAT(all_errors(merged({}, "_bad_")), Catch::Matchers::ContainsSubstring("key node/name"));
}

TEST_CASE("a node overlay may choose environment, cluster and modes", "[merge]") {
  const auto tree = merged({{3, "overlays/node=n1/node/environment", "prod"},
                            {3, "overlays/node=n1/cluster/name", "lab"},
                            {3, "overlays/node=n1/node/modes", "agent"},
                            {3, "overlays/environment=prod/inputs/A", "1"},
                            {3, "overlays/cluster=lab/inputs/B", "2"},
                            {3, "overlays/mode=agent/inputs/C", "3"}});

  CHECK(all_errors(tree).empty());
  CHECK(value_of(tree, "inputs/A") == "1");
  CHECK(value_of(tree, "inputs/B") == "2");
  CHECK(value_of(tree, "inputs/C") == "3");
}

TEST_CASE("modes for the mode overlay also come from the member entry", "[merge]") {
  const auto tree =
      merged({{3, "members/n1/modes", "server"}, {3, "overlays/mode=server/inputs/X", "yes"}});

  CHECK(value_of(tree, "inputs/X") == "yes");
}

TEST_CASE("an overlay may not set what decides about it", "[merge]") {
  const std::string key = GENERATE(
      as<std::string>{}, "overlays/node=n1/node/name", "overlays/environment=prod/node/environment",
      "overlays/environment=prod/cluster/name", "overlays/cluster=lab/node/environment",
      "overlays/mode=agent/node/modes", "overlays/mode=agent/members/n1/modes");
  CAPTURE(key);
  const std::string value = key.ends_with("modes") ? "server" : "x";

  const auto tree = merged({{3, "node/environment", "prod"},
                            {3, "cluster/name", "lab"},
                            {3, "node/modes", "agent"},
                            {3, key, value}});

  CHECK_THAT(all_errors(tree), Catch::Matchers::ContainsSubstring("outside of"));
}

TEST_CASE("lists and maps merge entry by entry", "[merge]") {
  const auto tree = merged({{2, "profile/mirrors.d/10-a", "https://a/"},
                            {3, "profile/mirrors.d/20-b", "https://b/"},
                            {4, "profile/mirrors.d/10-a", "https://c/"}});

  CHECK(value_of(tree, "profile/mirrors.d/10-a") == "https://c/");
  CHECK(value_of(tree, "profile/mirrors.d/20-b") == "https://b/");
}

TEST_CASE("an empty unset file removes a value from below, but not one beside it", "[merge]") {
  CHECK(value_of(merged({{2, "inputs/X", "low"}, {3, "inputs/X.unset", ""}}), "inputs/X") ==
        "(none)");
  CHECK(
      value_of(merged({{2, "inputs/X", "low"}, {3, "inputs/X.unset", ""}, {3, "inputs/X", "new"}}),
               "inputs/X") == "new");
  CHECK(value_of(merged({{2, "inputs/X", "low"}, {2, "inputs/Y", "low"}, {3, "inputs.unset", ""}}),
                 "inputs/Y") == "(none)");
}

TEST_CASE("an unset file with content is refused", "[merge]") {
  CHECK_THAT(all_errors(merged({{3, "inputs/X.unset", "please"}})),
             Catch::Matchers::ContainsSubstring("expected an empty file"));
}

TEST_CASE("a lock keeps higher layers from changing a value and names both files", "[merge]") {
  const auto tree = merged({{2, "profile/url", "https://e/"},
                            {2, "profile/url.lock", ""},
                            {4, "profile/url", "https://evil/"}});

  CHECK(value_of(tree, "profile/url") == "https://e/");
  CHECK_THAT(all_errors(tree),
             Catch::Matchers::ContainsSubstring("/L4/profile/url: key profile/url"));
  CHECK_THAT(all_errors(tree), Catch::Matchers::ContainsSubstring("/L2/profile/url.lock"));
}

TEST_CASE("a lock on a list forbids another entry and its removal", "[merge]") {
  const Rows locked = {{2, "profile/mirrors.d/a", "https://a/"}, {2, "profile/mirrors.d.lock", ""}};
  const auto with = [&](const std::string& key, const std::string& value) {
    Rows rows = locked;
    rows.emplace_back(3, key, value);
    return merged(rows);
  };

  CHECK_FALSE(with("profile/mirrors.d/b", "https://b/").errors.empty());
  CHECK_FALSE(with("profile/mirrors.d/a.unset", "").errors.empty());
  CHECK_FALSE(with("profile.unset", "").errors.empty());
  CHECK(with("profile/url", "https://u/").errors.empty());
}

TEST_CASE("an unknown key is an error with the nearest one, in layer 4 a warning", "[merge]") {
  const auto wrong = merged({{3, "profile/ulr", "x"}});
  const auto newer = merged({{4, "profile/ulr", "x"}});

  CHECK_THAT(all_errors(wrong),
             Catch::Matchers::ContainsSubstring("/L3/profile/ulr: key profile/ulr: expected") &&
                 Catch::Matchers::ContainsSubstring("did you mean profile/url?"));
  CHECK(newer.errors.empty());
  CHECK(newer.warnings.size() == 1);
}

TEST_CASE("a file in place of a directory is said to be one", "[merge]") {
  CHECK_THAT(all_errors(merged({{3, "members", "n1"}})),
             Catch::Matchers::ContainsSubstring("expected a directory, found a file"));
}

TEST_CASE("a malformed overlay is refused", "[merge]") {
  const std::string key =
      GENERATE(as<std::string>{}, "overlays/n1/node/modes", "overlays/host=n1/node/modes",
               "overlays/node=/node/modes", "overlays/node=N_1/node/modes", "overlays/file");
  CAPTURE(key);

  CHECK_THAT(all_errors(merged({{3, key, "server"}})),
             Catch::Matchers::ContainsSubstring("overlays/"));
}

TEST_CASE("all mistakes are reported at once", "[merge]") {
  const auto tree = merged({{3, "node/modes", "servr"},
                            {3, "apply/auto", "yes"},
                            {3, "profile/ulr", "x"},
                            {4, "profile/sha256", "abc"}});

  CHECK(tree.errors.size() == 4);
}

TEST_CASE("the order in which files are read changes nothing", "[merge]") {
  Rows rows = {{2, "inputs/X", "low"},
               {2, "inputs/X.lock", ""},
               {3, "inputs/X", "high"},
               {3, "inputs/Y.unset", ""},
               {3, "inputs/Y", "new"},
               {2, "inputs/Y", "old"},
               {3, "overlays/node=n1/inputs/Z", "o"},
               {3, "inputs/Z", "b"}};
  const auto first = merged(rows);
  std::ranges::sort(rows);
  do {
    const auto again = merged(rows);
    REQUIRE(again.settings == first.settings);
    REQUIRE(again.errors.size() == first.errors.size());
  } while (std::next_permutation(rows.begin(), rows.begin() + 5));
}
