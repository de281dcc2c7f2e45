// What differs between two packages.
#include "unpack/package_diff.h"

#include "tests/unit/catch.h"
#include "tests/unit/http/test_server.h"

using namespace klubster;
using Catch::Matchers::ContainsSubstring;

namespace {

const char* const kBefore = R"(apiVersion: infra.productive-k3s.io/v1
kind: Profile
metadata: { name: demo, version: "1.0", category: databases }
spec:
  inputs:
    - { name: GREETING, source: either, description: what to say }
    - { name: OLD, source: either }
    - { name: TOKEN, sensitive: true, source: either }
  modes:
    server:
      steps:
        - { id: one, run: [bin/one] }
        - { id: two, run: [bin/two], after: [] }
        - { id: gone, run: [bin/two], after: [] }
  commands:
    backup: { run: [bin/one] }
)";

const char* const kAfter = R"(apiVersion: infra.productive-k3s.io/v1
kind: Profile
metadata: { name: demo, version: "1.1", category: databases }
spec:
  inputs:
    - { name: GREETING, required: true, source: either, description: what to say }
    - { name: NEW, source: either }
    - { name: TOKEN, sensitive: true, source: either }
  modes:
    agent:
      steps:
        - { id: join, run: [bin/two] }
    server:
      steps:
        - { id: two, run: [bin/two], after: [] }
        - { id: one, run: [bin/one, "--fast"], retry: { attempts: 9 }, after: [] }
  commands:
    backup: { run: [bin/one], timeout: 1m }
)";

struct Pair {
  TempDir directory;
  std::string a = directory / "a", b = directory / "b";

  Pair() {
    for (const auto& path : {a, b}) {
      write_text(path + "/profile.yaml", path == a ? kBefore : kAfter);
      write_text(path + "/profile.env", path == a ? "TOKEN=hunter2\n" : "TOKEN=hunter3\n");
      for (const auto* name : {"/bin/one", "/bin/two"}) {
        write_text(path + name, "#!/bin/sh\n");
        std::filesystem::permissions(path + name, std::filesystem::perms::owner_all);
      }
    }
    write_text(a + "/docs/old", "old");
    write_text(b + "/docs/new", "newer");
    write_text(b + "/bin/two", "#!/bin/sh\nexit 1\n");
  }
  PackageDifference compare() const {
    const auto before = open_package(a), after = open_package(b);
    if (!before) FAIL(before.error().message());
    if (!after) FAIL(after.error().message());
    return compare_packages(*before, *after);
  }
};

const PartDifference* find(const PackageDifference& difference, const std::string& section,
                           const std::string& name) {
  for (const auto& part : difference.parts) {
    if (part.section == section && part.name == name) return &part;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("a diff names what changed in metadata, inputs, steps, commands and files", "[diff]") {
  const Pair pair;
  const auto difference = pair.compare();
  const std::string text = describe(difference);
  INFO(text);
  CHECK_THAT(text, ContainsSubstring("--- demo 1.0\n+++ demo 1.1\nmetadata\n"
                                     "  version: 1.0 -> 1.1\n"
                                     "inputs\n"
                                     "  ~ GREETING\n      required: false -> true\n"
                                     "  + NEW\n  - OLD\n"));
  CHECK_THAT(text, ContainsSubstring("phase agent\n  + join\n"));
  CHECK_THAT(text,
             ContainsSubstring("phase server\n  order: [\"one\",\"two\"] -> [\"two\",\"one\"]\n"
                               "  - gone\n  ~ one\n"));
  CHECK_THAT(text, ContainsSubstring("      retry.attempts: 5 -> 9\n"
                                     "      run: [\"bin/one\"] -> [\"bin/one\",\"--fast\"]\n"));
  CHECK_THAT(text, ContainsSubstring("commands\n  ~ backup\n"));
  CHECK_THAT(text, ContainsSubstring("      timeoutUsec: 900000000 -> 60000000\n"));
  CHECK_THAT(text, ContainsSubstring("      bytes: 10 -> 17\n"));
  CHECK_THAT(text, ContainsSubstring("  + docs/new: bytes 5, mode 0644, sha256 "));
  CHECK_THAT(text, ContainsSubstring("  - docs/old: bytes 3, mode 0644, sha256 "));
  const auto* two = find(difference, "phase server", "two");
  REQUIRE(two != nullptr);  // its definition is the same, the files that it can reach are not
  REQUIRE(two->keys.size() == 1);
  CHECK(two->keys[0].key == "filesDigest");
}

TEST_CASE("the same package differs in nothing, and a diff back is its mirror", "[diff]") {
  const Pair pair;
  const auto a = open_package(pair.a), b = open_package(pair.b);
  CHECK(describe(compare_packages(*a, *a)).empty());
  CHECK(to_json(compare_packages(*a, *a)).bool_or("same"));
  const auto there = compare_packages(*a, *b), back = compare_packages(*b, *a);
  REQUIRE(there.parts.size() == back.parts.size());
  for (std::size_t i = 0; i < there.parts.size(); ++i) {
    CHECK(there.parts[i].name == back.parts[i].name);
    REQUIRE(there.parts[i].keys.size() == back.parts[i].keys.size());
    for (std::size_t k = 0; k < there.parts[i].keys.size(); ++k)
      CHECK(there.parts[i].keys[k].before == back.parts[i].keys[k].after);
  }
}

TEST_CASE("the default of a sensitive input is compared and not shown", "[diff]") {
  const auto difference = Pair().compare();
  const auto* token = find(difference, "inputs", "TOKEN");
  REQUIRE(token != nullptr);
  CHECK(token->keys[0].before == Json("(secret)"));
  CHECK_THAT(to_json(difference).dump() + describe(difference), !ContainsSubstring("hunter"));
}

TEST_CASE("a diff as JSON has whole digests", "[diff]") {
  const Pair pair;
  const auto difference = pair.compare();
  const Json json = to_json(difference);
  CHECK_FALSE(json.bool_or("same"));
  const Json& last = json.items("differences").back();
  CHECK(last.text_or("section") == "files");
  CHECK(last.text_or("name") == "profile.yaml");
  CHECK(last.items("keys").back().text_or("after").size() == 64);
}
