// What may not change while a node belongs to its cluster.
#include "daemon/in_place.h"

#include "model/merge.h"
#include "model/token.h"
#include "tests/unit/catch.h"

using namespace klubster;

namespace {

constexpr const char* kSalt = "salt";

NodeConfig config_of(std::map<std::string, std::string> values, const std::string& host = "n1") {
  TreeLayer layer;
  layer.layer = kLayerSystem;
  for (const auto& [key, value] : values)
    layer.files.push_back({key, value, "/etc/klubster/" + key});
  return make_node_config(merge_tree({{layer}, host, "", {}})).value();
}

Status change(const NodeConfig& before, const NodeConfig& after) {
  return check_in_place(to_json(before, SecretForm::kDigest, kSalt), after, kSalt);
}

}  // namespace

TEST_CASE("what the schema lets change in place may change", "[in-place]") {
  CHECK(change(config_of({}), config_of({})));
  CHECK(change(config_of({{"node/modes", "agent"}, {"inputs/A", "1"}}),
               config_of({{"node/modes", "server"}, {"secrets/B", "2"}})));
  // The same value, found in another way.
  CHECK(change(config_of({}), config_of({{"node/name", "n1"}, {"cluster/name", "klubster"}})));
}

TEST_CASE("name and cluster of a node stay until it leaves, and the message says how",
          "[in-place]") {
  const auto fits = change(config_of({{"cluster/name", "east"}}),
                           config_of({{"cluster/name", "west"}, {"node/name", "n2"}}));
  REQUIRE_FALSE(fits);
  CHECK(fits.error().reason() == "NotInPlace");
  const std::string message = fits.error().message();
  CHECK(message.find("/etc/klubster/cluster/name: key cluster/name: expected `east`") !=
        std::string::npos);
  CHECK(message.find("found `west`") != std::string::npos);
  CHECK(message.find("/etc/klubster/node/name: key node/name: expected `n1`") != std::string::npos);
  CHECK(message.find("klubster leave") != std::string::npos);
  CHECK_FALSE(change(config_of({}, "n1"), config_of({}, "n2")));  // the hostname changed
  CHECK_FALSE(change(config_of({{"cluster/name", "east"}}), config_of({})));
}

TEST_CASE("an id may be set once", "[in-place]") {
  CHECK(change(config_of({}), config_of({{"cluster/id", "a"}})));
  CHECK_FALSE(change(config_of({{"cluster/id", "a"}}), config_of({{"cluster/id", "b"}})));
  CHECK_FALSE(change(config_of({{"cluster/id", "a"}}), config_of({})));
}

TEST_CASE("a token is compared by its digest and never shown", "[in-place]") {
  const std::string one = make_token(), other = make_token();
  const NodeConfig before = config_of({{"cluster/token", one}});
  CHECK(change(before, config_of({{"cluster/token", one}})));
  const auto fits = change(before, config_of({{"cluster/token", other}}));
  REQUIRE_FALSE(fits);
  CHECK(fits.error().message().find("cluster/token") != std::string::npos);
  CHECK(fits.error().message().find(one) == std::string::npos);
  CHECK(fits.error().message().find(other) == std::string::npos);
  CHECK_FALSE(change(before, config_of({})));
  // The salt was lost: digests under another one say nothing.
  CHECK(check_in_place(to_json(before, SecretForm::kDigest, "old salt"),
                       config_of({{"cluster/token", other}}), kSalt));
}

TEST_CASE("a token may give way to the one that was accepted beside it, and to no other",
          "[in-place]") {
  const std::string one = make_token(), other = make_token(), third = make_token();
  const NodeConfig before = config_of({{"cluster/token", one}, {"cluster/token-next", other}});

  CHECK(change(before, config_of({{"cluster/token", other}, {"cluster/token-next", one}})));
  CHECK(change(before, config_of({{"cluster/token", other}})));
  CHECK(change(before, config_of({{"cluster/token", one}})));
  CHECK_FALSE(change(before, config_of({{"cluster/token", third}, {"cluster/token-next", one}})));
  CHECK_FALSE(change(config_of({{"cluster/token", one}}), config_of({{"cluster/token", other}})));
}
