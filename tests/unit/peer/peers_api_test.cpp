// org.klubster.Peers1 on a real bus of the test's own.
#include "peer/peers_api.h"

#include "base/names.h"
#include "peer/refused_config.h"
#include "tests/unit/peer/small_cluster.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

struct Fixture {
  PrivateBus daemon;
  SmallCluster cluster{{"n1", "n2"}};
  std::optional<Bus> server, client;
  std::optional<PeersApi> api;
  int needs_changed = 0;
  BusSlot match;

  bool start() {
    if (!daemon.works()) return false;
    server.emplace(Bus::open_user(cluster.loop).value());
    client.emplace(Bus::open_user(cluster.loop).value());
    match = client->match(
        std::string("type='signal',interface='") + names::kPeersBus + "',member='NeedsChanged'", "",
        [this](const BusMessage&) { ++needs_changed; });
    api.emplace(cluster.loop, *server, cluster.start("n1"));
    REQUIRE(server->own_name(names::kPeersBus));
    return true;
  }
  ~Fixture() {
    api.reset();
    cluster.nodes.clear();
  }

  Result<BusMessage> call(
      const std::string& method,
      const std::function<void(BusMessage&)>& fill = [](BusMessage&) {}) {
    BusMessage message =
        client->method(names::kPeersBus, names::kPeersPath, names::kPeersBus, method);
    fill(message);
    std::optional<Result<BusMessage>> answer;
    client->call(std::move(message),
                 [&](Result<BusMessage> reply) { answer.emplace(std::move(reply)); });
    cluster.wait_until([&] { return answer.has_value(); });
    return *std::move(answer);
  }
  Result<BusMessage> call_with(const std::string& method, const std::string& text) {
    return call(method, [&](BusMessage& message) { message.add_string(text); });
  }
};

}  // namespace

TEST_CASE("the daemon publishes, shares facts and learns its needs over D-Bus", "[api]") {
  Fixture fixture;
  if (!fixture.start()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }
  const auto memory = make_sealed_memory(
      R"({"facts":[{"name":"JOIN_TOKEN","value":"secret-7","sensitive":true}]})");
  REQUIRE(memory);
  CHECK(fixture.call("SetFacts", [&](BusMessage& message) { message.add_fd(memory->get()); }));
  CHECK(fixture.call_with(
      "SetNeeds", R"({"needs":[{"id":"a#0","phase":"server","condition":"Ready","count":"any",)"
                  R"("facts":["JOIN_TOKEN"]}]})"));
  CHECK(fixture.call_with(
      "Publish",
      R"({"generation":3,"conditions":[{"type":"Ready","phase":"server","status":"True",)"
      R"("reason":"","message":"","lastTransitionTime":""}],"versions":{}})"));
  fixture.cluster.wait_until([&] { return fixture.needs_changed > 0; });

  Result<BusMessage> reply = fixture.call("GetNeeds");
  REQUIRE(reply);
  const UniqueFd answer = reply->read_fd();
  const Json needs = parse_json(read_sealed_memory(answer.get(), 1 << 20).value()).value();
  CHECK(needs.items("needs").at(0).bool_or("satisfied"));
  CHECK(needs.items("needs").at(0).items("facts").at(0).text_or("value") == "secret-7");
  CHECK(needs.items("members").size() == 2);

  Result<BusMessage> peers = fixture.call("GetPeers");
  REQUIRE(peers);
  const std::string shown = peers->read_string();
  CHECK(shown.find("\"generation\":3") != std::string::npos);
  CHECK(shown.find("JOIN_TOKEN") != std::string::npos);
  CHECK(shown.find("secret-7") == std::string::npos);
}

TEST_CASE("what the daemon may not say is refused with its reason", "[api]") {
  Fixture fixture;
  if (!fixture.start()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }

  const auto bad_record = fixture.call_with("Publish", R"({"generation":-1})");
  const auto bad_needs = fixture.call_with("SetNeeds", "[");
  const auto open_memory = fixture.call("SetFacts", [](BusMessage& message) {
    const UniqueFd zero = open_file("/dev/null", O_RDONLY).value();
    message.add_fd(zero.get());
  });

  REQUIRE_FALSE(bad_record);
  CHECK(bad_record.error().reason() == "BadJson");
  CHECK_FALSE(bad_needs);
  CHECK_FALSE(open_memory);
}

TEST_CASE("a configuration that cannot be used is told until another one comes", "[api]") {
  Fixture fixture;
  if (!fixture.daemon.works()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }
  PeerConfig config = fixture.cluster.config_of("n1");
  config.ca_pem = "no PEM";
  config.private_key_pem = "no PEM";
  const TemporaryDirectory dir;
  const auto node = PeerNode::create(fixture.cluster.loop, config, {dir.path(), {}, {}});
  REQUIRE_FALSE(node);
  CHECK(node.error().kind() == ErrorKind::kInvalid);

  fixture.server.emplace(Bus::open_user(fixture.cluster.loop).value());
  fixture.client.emplace(Bus::open_user(fixture.cluster.loop).value());
  const RefusedConfig stand_in(*fixture.server, "n1", node.error());
  REQUIRE(fixture.server->own_name(names::kPeersBus));

  auto needs = fixture.call("GetNeeds");
  REQUIRE(needs);
  const UniqueFd memory = needs->read_fd();
  const Json told = parse_json(*read_sealed_memory(memory.get(), 4096)).value();
  CHECK(told.get("refusal").text_or("reason") == node.error().reason());
  CHECK(fixture.call_with("SetNeeds", "{}"));
  CHECK(fixture.call_with("Publish", "{}"));
  auto peers = fixture.call("GetPeers");
  REQUIRE(peers);
  CHECK(parse_json(peers->read_string())->text_or("self") == "n1");
  const auto text = make_sealed_memory("{}");
  REQUIRE(text);
  auto taken = fixture.call("Configure", [&](BusMessage& call) { call.add_fd(text->get()); });
  REQUIRE(taken);
  CHECK_FALSE(taken->read_bool());  // the program is to be started anew
}
