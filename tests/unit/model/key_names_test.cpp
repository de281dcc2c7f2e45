// Keys under their other names.
#include "model/key_names.h"

#include <set>

#include "tests/unit/catch.h"

using namespace klubster;

TEST_CASE("a key has one name as a credential and comes back from it", "[key-names]") {
  const auto [key, name] = GENERATE(table<std::string, std::string>({
      {"node/modes", "klubster.node.modes"},
      {"node/set-hostname", "klubster.node.set-hostname"},
      {"members/n1/address", "klubster.members.n1.address"},
      {"profile/mirrors.d/10-main", "klubster.profile.mirrors.d.10-main"},
      {"profile/trusted-keys.d/team.pub", "klubster.profile.trusted-keys.d.team.pub"},
      {"inputs/CLUSTER_DOMAIN", "klubster.inputs.CLUSTER_DOMAIN"},
      {"secrets/JOIN_TOKEN", "klubster.secrets.JOIN_TOKEN"},
      {"node/labels/rack", "klubster.node.labels.rack"},
      {"node/labels/topology.kubernetes.io/zone",
       "klubster.node.labels.topology.kubernetes.io.zone"},
      {"node/labels/Rack.row", "klubster.node.labels.Rack.row"},
      {"profile/ca.unset", "klubster.profile.ca.unset"},
      {"inputs/DOMAIN.lock", "klubster.inputs.DOMAIN.lock"},
  }));
  CAPTURE(key);

  CHECK(credential_name(key) == name);
  CHECK(key_of_credential(name) == key);
}

TEST_CASE("what is no credential of ours is no key", "[key-names]") {
  const std::string name = GENERATE(
      as<std::string>{}, "", "klubster.", "klubster", "node.modes", "klubster.node.mode",
      "klubster.node", "klubster.members.n1", "klubster.members.modes", "klubster.inputs.lower",
      "klubster.inputs.", "klubster.profile.mirrors.d.", "Klubster.node.modes", ".unset",
      "klubster..unset", "klubster.node.modes.unset.unset");
  CAPTURE(name);

  CHECK(key_of_credential(name) == std::nullopt);
}

TEST_CASE("each fixed key has a location variable of its own, open-ended ones have none",
          "[key-names]") {
  std::set<std::string> names;
  for (const auto& spec : schema()) {
    CAPTURE(spec.pattern);
    const std::string name = location_variable(spec);
    CHECK(name.empty() == is_open_ended(spec));
    if (!name.empty()) CHECK(names.insert(name).second);
  }
  CHECK(names.count("KLUBSTER_NODE_MODES_FILE") == 1);
  CHECK(names.count("KLUBSTER_PROFILE_LIMITS_FILE_BYTES_FILE") == 1);
}
