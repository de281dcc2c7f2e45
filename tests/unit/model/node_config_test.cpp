// What the values mean together.
#include "model/node_config.h"

#include <algorithm>

#include "model/token.h"
#include "tests/unit/catch.h"

using Catch::Matchers::ContainsSubstring;
using namespace klubster;

namespace {

const std::string kKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
// Fixed, so that hashes can be compared between runs.
const std::string kToken = [] {
  static const std::string token = make_token();
  return token;
}();

using Values = std::map<std::string, std::string>;

MergedTree tree_of(const Values& values, const std::string& hostname = "n1", int layer = 3,
                   const std::string& root = "/etc/klubster") {
  MergeRequest request;
  request.layers.push_back({layer, root, {}, {}});
  for (const auto& [key, value] : values) {
    request.layers[0].files.push_back({key, value, root + "/" + key});
  }
  request.hostname = hostname;
  return merge_tree(request);
}

// Three nodes, a signed profile over https: a tree that is fine.
Values fleet() {
  return {{"members/n1/modes", "server stack"},
          {"members/n2/modes", "agent"},
          {"members/n3/modes", "agent"},
          {"members/n1/address", "10.9.0.11:9446"},
          {"cluster/name", "lab"},
          {"cluster/token", kToken},
          {"profile/url", "https://e.org/p.tgz"},
          {"profile/trusted-keys.d/team", kKey},
          {"inputs/DOMAIN", "e.org"},
          {"secrets/PASSWORD", "hunter2"}};
}

Values changed(Values values, const Values& changes) {
  for (const auto& [key, value] : changes)
    values[key] = value;
  return values;
}

std::string errors_of(const Values& values, const std::string& hostname = "n1") {
  const auto config = make_node_config(tree_of(values, hostname));
  return config ? "" : config.error().message();
}

}  // namespace

TEST_CASE("a fleet's tree gives each node its part", "[node-config]") {
  const auto config = make_node_config(tree_of(fleet())).value();

  CHECK(config.node == "n1");
  CHECK(config.modes == std::vector<std::string>{"server", "stack"});
  CHECK(config.first_server == "n1");
  CHECK(config.members.size() == 3);
  CHECK(config.self()->address == "10.9.0.11:9446");
  CHECK(config.cluster_name == "lab");
  CHECK(config.profile.trusted_keys == std::vector<std::string>{kKey});
  CHECK(config.profile.limits == ArchiveLimits{});
  CHECK(config.peering_listen == "[::]:9446");
  CHECK(config.apply_auto);
  CHECK(config.inputs.at("DOMAIN") == "e.org");
  CHECK(config.secrets.at("PASSWORD") == "hunter2");
  CHECK(config.origin("cluster/name").file == "/etc/klubster/cluster/name");
  CHECK(config.origin("apply/auto").layer == kLayerDefault);
  CHECK(make_node_config(tree_of(fleet(), "n2")).value().modes ==
        std::vector<std::string>{"agent"});
}

TEST_CASE("an empty tree is valid: nothing to do yet, and no mode by default", "[node-config]") {
  const auto config = make_node_config(tree_of({})).value();

  CHECK(config.modes.empty());
  CHECK(config.members.empty());
  CHECK_FALSE(config.profile.assigned());
  CHECK(config.cluster_name == "klubster");
}

TEST_CASE("mistakes in how values fit together are told with key, expected and found",
          "[node-config]") {
  const auto [changes, part] = GENERATE(table<Values, std::string>({
      {{{"node/modes", "agent"}}, "key node/modes: expected the same as in"},
      {{{"members/n4/address", "10.9.0.14:9446"}}, "key members/n4/modes: expected the member's"},
      {{{"members/n2/address", "10.9.0.11:9446"}}, "found that of member n1"},
      {{{"cluster/first-server", "n2"}}, "expected a member with mode server, found `n2`"},
      {{{"profile/path", "/p.tgz"}}, "either profile/url or profile/path, found both"},
      {{{"profile/url", "http://e.org/p.tgz"}}, "key profile/url: expected https://"},
      {{{"profile/mirrors.d/a", "http://e.org/p.tgz"}}, "key profile/mirrors.d/a: expected https"},
      {{{"inputs/LD_PRELOAD", "/x.so"}}, "key inputs/LD_PRELOAD: expected a name that may reach"},
      {{{"secrets/PATH", "/x"}}, "key secrets/PATH: expected a name that may reach"},
  }));
  CAPTURE(part);

  CHECK_THAT(errors_of(changed(fleet(), changes)), Catch::Matchers::ContainsSubstring(part));
}

TEST_CASE("plain http is fine when the digest is pinned", "[node-config]") {
  CHECK(errors_of(changed(fleet(), {{"profile/url", "http://e.org/p.tgz"},
                                    {"profile/mirrors.d/a", "http://m.org/p.tgz"},
                                    {"profile/sha256", std::string(64, 'a')}}))
            .empty());
}

TEST_CASE("a profile without key and digest is Unpinned", "[node-config]") {
  Values values = fleet();
  values.erase("profile/trusted-keys.d/team");

  const auto config = make_node_config(tree_of(values));

  REQUIRE_FALSE(config);
  CHECK(config.error().reason() == "Unpinned");
  CHECK_THAT(config.error().message(),
             Catch::Matchers::ContainsSubstring("profile/trusted-keys.d/"));
}

TEST_CASE("a malformed pin is one mistake, not two", "[node-config]") {
  Values values = fleet();
  values["profile/trusted-keys.d/team"] = "RWbad";

  CHECK_THAT(errors_of(values), !Catch::Matchers::ContainsSubstring("found neither"));
}

TEST_CASE("several members need a token, one alone does not", "[node-config]") {
  Values values = fleet();
  values.erase("cluster/token");

  CHECK_THAT(errors_of(values), Catch::Matchers::ContainsSubstring("klubster token create"));
  CHECK(errors_of({{"members/n1/modes", "single-node"}}).empty());
}

TEST_CASE("a server without members is the first of its own cluster", "[node-config]") {
  CHECK(make_node_config(tree_of({{"node/modes", "server stack"}}, "box"))->first_server == "box");
  CHECK(make_node_config(tree_of({{"node/modes", "single-node"}}, "box"))->first_server.empty());
}

TEST_CASE("a malformed token is one mistake, not two", "[node-config]") {
  const std::string errors = errors_of(changed(fleet(), {{"cluster/token", kToken + "a"}}));

  CHECK(std::ranges::count(errors, '\n') == 0);
  CHECK_THAT(errors, Catch::Matchers::ContainsSubstring("was it cut off?"));
  CHECK(errors.find(kToken) == std::string::npos);
}

TEST_CASE("a node that no member entry names is told which one is near", "[node-config]") {
  CHECK_THAT(errors_of(fleet(), "n11"),
             Catch::Matchers::ContainsSubstring("does not list `n11`") &&
                 Catch::Matchers::ContainsSubstring("did you mean node n1?"));
}

TEST_CASE("a distribution's hostname is refused when there are other members", "[node-config]") {
  CHECK_THAT(
      errors_of(fleet(), "debian"),
      Catch::Matchers::ContainsSubstring("hostname `debian` that the distribution came with"));
  CHECK(errors_of({{"node/modes", "single-node"}}, "debian").empty());
}

TEST_CASE("the same tree gives the same hash wherever it lies", "[node-config]") {
  const auto here = make_node_config(tree_of(fleet())).value();
  const auto there = make_node_config(tree_of(fleet(), "n1", 5, "/elsewhere")).value();
  const auto named =
      make_node_config(tree_of(changed(fleet(), {{"node/name", "n1"}}), "other")).value();

  CHECK(here.config_hash.size() == 64);
  CHECK(here.config_hash == there.config_hash);
  CHECK(here.config_hash == named.config_hash);
}

TEST_CASE("each change of a value or secret changes the hash", "[node-config]") {
  const auto before = make_node_config(tree_of(fleet())).value();
  const Values change =
      GENERATE(Values{{"inputs/DOMAIN", "e.net"}}, Values{{"secrets/PASSWORD", "hunter3"}},
               Values{{"secrets/OTHER", ""}}, Values{{"cluster/token", make_token()}},
               Values{{"apply/auto", "true"}});

  const auto after = make_node_config(tree_of(changed(fleet(), change))).value();

  CHECK(before.config_hash != after.config_hash);
  CHECK(changed_keys(before, after) == std::vector<std::string>{change.begin()->first});
}

TEST_CASE("moving bytes between neighbouring values changes the hash", "[node-config]") {
  const auto one =
      make_node_config(tree_of({{"inputs/A", "1"}, {"inputs/B", "23"}})).value().config_hash;
  const auto two =
      make_node_config(tree_of({{"inputs/A", "12"}, {"inputs/B", "3"}})).value().config_hash;

  CHECK(one != two);
}

TEST_CASE("no secret is in any JSON form", "[node-config]") {
  const auto config = make_node_config(tree_of(fleet())).value();
  const auto form = GENERATE(SecretForm::kHidden, SecretForm::kDigest);

  const std::string text = to_json(config, form, "salt").dump();

  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find(kToken) == std::string::npos);
  CHECK(text.find("e.org") != std::string::npos);
}

TEST_CASE("secret digests are equal under one salt and differ under another", "[node-config]") {
  const auto config = make_node_config(tree_of(fleet())).value();
  const auto digest = [&](std::string_view salt) {
    return to_json(config, SecretForm::kDigest, salt)
        .get("values")
        .get("secrets/PASSWORD")
        .text_or("secret");
  };

  CHECK(digest("a") == digest("a"));
  CHECK(digest("a") != digest("b"));
}

TEST_CASE("the stored form with today's secrets is the same config", "[node-config]") {
  const auto config = make_node_config(tree_of(fleet())).value();
  const Json stored = parse_json(to_json(config, SecretForm::kDigest, "salt").dump()).value();

  const auto restored = node_config_from_json(stored, tree_of(fleet()).settings);

  REQUIRE(restored);
  CHECK(restored->config_hash == config.config_hash);
  CHECK(restored->modes == config.modes);
  CHECK(restored->cluster_token == kToken);
  CHECK(restored->origin("inputs/DOMAIN").file == "/etc/klubster/inputs/DOMAIN");
  CHECK(restored->warnings.empty());
}

TEST_CASE("the stored form without secrets is usable, with a warning for each", "[node-config]") {
  const auto config = make_node_config(tree_of(fleet())).value();

  const auto restored = node_config_from_json(to_json(config, SecretForm::kDigest, "salt"), {});

  REQUIRE(restored);
  CHECK(restored->cluster_token.empty());
  CHECK(restored->members.size() == 3);
  CHECK_FALSE(restored->warnings.empty());
}

TEST_CASE("a damaged stored form is refused", "[node-config]") {
  Json stored = to_json(make_node_config(tree_of(fleet())).value(), SecretForm::kDigest, "salt");
  SECTION("unknown key") {
    stored["values"]["profile/ulr"]["value"] = "x";
  }
  SECTION("malformed value") {
    stored["values"]["node/modes"]["value"] = "servr";
  }
  SECTION("other version") {
    stored["v"] = 2;
  }
  SECTION("nothing") {
    stored = Json::object();
  }

  const auto restored = node_config_from_json(stored, {});

  REQUIRE_FALSE(restored);
  CHECK(restored.error().kind() == ErrorKind::kInvalid);
}

TEST_CASE("an input that the profile calls sensitive is kept as a secret is", "[node-config]") {
  const auto tree = tree_of({{"inputs/PLAIN", "open"}, {"inputs/PASSWORD", "hunter2"}});
  const auto config = make_node_config(tree).value();
  const Json stored = to_json(config, SecretForm::kDigest, "salt", {"inputs/PASSWORD"});
  CHECK(stored.dump().find("hunter2") == std::string::npos);
  CHECK(stored.dump().find("open") != std::string::npos);
  CHECK(keys_kept_secret(stored) == std::set<std::string>{"inputs/PASSWORD"});
  CHECK(keys_kept_secret(to_json(config, SecretForm::kDigest, "salt")).empty());

  const auto restored = node_config_from_json(stored, tree.settings);
  REQUIRE(restored);
  CHECK(restored->inputs == config.inputs);
  CHECK(restored->config_hash == config.config_hash);

  const auto without = node_config_from_json(stored, {});
  REQUIRE(without);
  CHECK(without->inputs.count("PASSWORD") == 0);
  CHECK_FALSE(without->warnings.empty());
}

TEST_CASE("a second token is another one", "[node-config]") {
  CHECK_THAT(errors_of(changed(fleet(), {{"cluster/token-next", kToken}})),
             ContainsSubstring("expected another token than cluster/token"));
  const auto config =
      make_node_config(tree_of(changed(fleet(), {{"cluster/token-next", make_token()}})));
  REQUIRE(config);
  CHECK_FALSE(config->token_next.empty());
  CHECK(config->peering_discovery == "auto");
}

TEST_CASE("authority, certificate and key of peering belong together", "[node-config]") {
  const std::string pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const std::string key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
  const Values all = {
      {"peering/ca", pem}, {"peering/certificate", pem}, {"peering/private-key", key}};
  const auto config = make_node_config(tree_of(changed(fleet(), all)));
  REQUIRE(config);
  CHECK(config->peering_private_key == key);

  for (const auto& [missing, value] : all) {
    Values some = changed(fleet(), all);
    some.erase(missing);
    CHECK_THAT(errors_of(some),
               ContainsSubstring("key " + missing) && ContainsSubstring("belong together"));
  }
  CHECK_THAT(errors_of(changed(fleet(), {{"peering/private-key", "secret"}})),
             !ContainsSubstring("`secret`"));
}

TEST_CASE("labels that no peer would take are refused", "[node-config]") {
  const std::string key = "node/labels/note";
  CHECK(errors_of(changed(fleet(), {{key, std::string(1024, 'x')}})).empty());
  CHECK_THAT(errors_of(changed(fleet(), {{key, std::string(1025, 'x')}})),
             ContainsSubstring("key " + key + ": expected at most 1024 bytes"));

  Values many = fleet();
  for (int i = 10; i < 30; ++i)
    many["node/labels/l" + std::to_string(i)] = std::string(1000, 'x');
  CHECK_THAT(errors_of(many), ContainsSubstring("node/labels/l26: expected at most 16384 bytes"));
}
