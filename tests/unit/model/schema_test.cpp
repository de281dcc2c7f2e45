// The schema: keys that match, values that fit, help that a person needs.
#include "model/schema.h"

#include <set>

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a key matches the row of its pattern", "[schema]") {
  const auto [key, pattern] = GENERATE(table<std::string, std::string>({
      {"node/modes", "node/modes"},
      {"members/n1/address", "members/<name>/address"},
      {"profile/mirrors.d/10-main", "profile/mirrors.d/<n>"},
      {"profile/trusted-keys.d/team.pub", "profile/trusted-keys.d/<n>"},
      {"inputs/CLUSTER_DOMAIN", "inputs/<NAME>"},
      {"secrets/JOIN_TOKEN", "secrets/<NAME>"},
      {"node/labels/rack", "node/labels/<label>"},
      {"node/labels/topology.kubernetes.io/zone", "node/labels/<label>"},
  }));
  CAPTURE(key);

  const KeySpec* spec = find_key(key);

  REQUIRE(spec != nullptr);
  CHECK(spec->pattern == pattern);
}

TEST_CASE("what is no key matches nothing", "[schema]") {
  const std::string key = GENERATE(
      as<std::string>{}, "", "node", "node/", "node/mode", "node/modes/x", "members/n1",
      "members/N1/modes", "members/n1/modes/x", "members/-n1/modes", "inputs/lower", "inputs/1A",
      "inputs/", "profile/mirrors.d", "profile/mirrors.d/-x", "node/labels/a/b/c",
      "node/labels/UP.example/zone", "node/labels/x-", "/node/modes", "node//modes");
  CAPTURE(key);

  CHECK(find_key(key) == nullptr);
}

TEST_CASE("a misspelt key finds the one that was meant, with the user's own names", "[schema]") {
  const auto [wrong, meant] = GENERATE(table<std::string, std::string>({
      {"node/mode", "node/modes"},
      {"profile/ulr", "profile/url"},
      {"members/n1/mode", "members/n1/modes"},
      {"profile/trusted-key.d/team", "profile/trusted-keys.d/team"},
      {"input/DOMAIN", "inputs/DOMAIN"},
      {"inputs/cluster-domain", "inputs/CLUSTER_DOMAIN"},
      {"secrets/password", "secrets/PASSWORD"},
      {"entirely/elsewhere", ""},
      {"entirely/DOMAIN", ""},
      {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", ""},
  }));
  CAPTURE(wrong);

  CHECK(nearest_key(wrong) == meant);
}

TEST_CASE("values that have the form of their key pass", "[schema]") {
  const auto [key, value] = GENERATE(table<std::string, std::string>({
      {"node/name", "n1"},
      {"node/modes", "server stack"},
      {"node/modes", "server\tstack"},
      {"apply/auto", "false"},
      {"members/n1/address", "10.9.0.11:9446"},
      {"members/n1/address", "n1.example.org:1"},
      {"members/n1/address", "[fd00::1]:65535"},
      {"members/n1/key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
      {"profile/url", "https://example.org/a%20b.tgz?x=1"},
      {"profile/url", "http://10.0.0.1:8080/p.tgz"},
      {"profile/path", "/srv/profile.tgz"},
      {"profile/sha256", std::string(64, 'a')},
      {"profile/limits/bytes", "2G"},
      {"profile/limits/entries", "1"},
      {"inputs/TEXT", ""},
      {"inputs/TEXT", "two\nlines with ünicode"},
      {"node/labels/note", "anything at all: $HOME"},
  }));
  CAPTURE(key, value);

  CHECK(check_value(*find_key(key), value));
}

TEST_CASE("values of another form are refused with what is expected and what was found",
          "[schema]") {
  const auto [key, value, part] = GENERATE(table<std::string, std::string, std::string>({
      {"node/name", "N1", "found `N1`"},
      {"node/name", "n1.example.org", "one label"},
      {"node/name", "", "found an empty file"},
      {"node/modes", "servr", "did you mean server?"},
      {"node/modes", "server server", "at most once"},
      {"node/modes", "", "found an empty file"},
      {"apply/auto", "yes", "expected true or false, found `yes`"},
      {"apply/auto", "true\nfalse", "found several lines"},
      {"members/n1/address", "10.9.0.11", "HOST:PORT"},
      {"members/n1/address", "10.9.0.11:0", "HOST:PORT"},
      {"members/n1/address", "10.9.0.11:65536", "HOST:PORT"},
      {"members/n1/address", "[10.9.0.11]:1", "HOST:PORT"},
      {"members/n1/address", "fd00::1", "HOST:PORT"},
      {"members/n1/key", "AAAA", "Ed25519"},
      {"profile/url", "ftp://example.org/p", "https://"},
      {"profile/url", "https://me:pw@example.org/p", "no password"},
      {"profile/url", "https:///p", "https://"},
      {"profile/url", "https://example.org/a b", "https://"},
      {"profile/path", "srv/p.tgz", "absolute path"},
      {"profile/sha256", std::string(64, 'A'), "lower-case"},
      {"profile/sha256", std::string(63, 'a'), "64"},
      {"profile/ca", "not a certificate", "PEM"},
      {"profile/limits/bytes", "2 GiB", "512M"},
      {"profile/limits/entries", "0", "greater than 0"},
      {"profile/limits/entries", "-1", "whole number"},
      {"profile/limits/entries", "010", "whole number"},
      {"node/labels/note", "a\x1b[31mred", "found `a\\x1b[31mred`"},
      {"node/labels/note", std::string("a\0b", 3), "found a NUL byte"},
      {"node/labels/note", "a\xff", "not UTF-8"},
      {"profile/trusted-keys.d/a", "RWxxx", "minisign"},
  }));
  CAPTURE(key, value);

  const auto fits = check_value(*find_key(key), value);

  REQUIRE_FALSE(fits);
  CHECK(fits.error().kind() == ErrorKind::kInvalid);
  CHECK(fits.error().message().find("expected ") == 0);
  CHECK_THAT(fits.error().message(), Catch::Matchers::ContainsSubstring(part));
}

TEST_CASE("the value of a secret is never in its error", "[schema]") {
  const auto fits = check_value(*find_key("secrets/PASSWORD"), std::string(40'000, 's'));
  const auto token = check_value(*find_key("cluster/token"), "hunter2hunter2");

  REQUIRE_FALSE(fits);
  CHECK(fits.error().message().find("ssss") == std::string::npos);
  REQUIRE_FALSE(token);
  CHECK(token.error().message().find("hunter2") == std::string::npos);
}

TEST_CASE("a minisign key is taken with and without its comment line", "[schema]") {
  const std::string line = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

  CHECK(minisign_key_line(line).value_or("") == line);
  CHECK(minisign_key_line("untrusted comment: minisign public key\n" + line).value_or("") == line);
  CHECK_FALSE(minisign_key_line(line + "\n" + line));
  CHECK_FALSE(minisign_key_line("untrusted comment: nothing else"));
}

TEST_CASE("an endpoint comes apart into host and port", "[schema]") {
  CHECK(parse_endpoint("[::]:9446").value().host == "::");
  CHECK(parse_endpoint("[::]:9446").value().port == 9446);
  CHECK(parse_endpoint("n1:80").value().host == "n1");
}

TEST_CASE("each pattern stands once in the schema and explains itself", "[schema]") {
  std::set<std::string_view> patterns;
  for (const auto& spec : schema()) {
    CAPTURE(spec.pattern);
    CHECK(patterns.insert(spec.pattern).second);
    CHECK_FALSE(spec.help.empty());
    CHECK_FALSE(spec.since.empty());
    CHECK_FALSE(expectation(spec.type).empty());
    CHECK_FALSE(type_name(spec.type).empty());
  }
}

TEST_CASE("the defaults that are values fit their own keys", "[schema]") {
  CHECK(default_value(*find_key("peering/listen")) == "[::]:9446");
  CHECK(default_value(*find_key("profile/limits/bytes")) == "512M");
  CHECK(default_value(*find_key("apply/auto")) == "true");
  CHECK(default_value(*find_key("node/modes")).empty());
  CHECK(default_value(*find_key("inputs/X")).empty());
}
