// What crosses between klubsterd and klubster-peerd.
#include "daemon/peering.h"

#include "base/names.h"
#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

Plan plan_with_needs() {
  Step step;
  step.subject = "stack/prove";
  step.phase = "stack";
  step.spec.id = "prove";
  step.spec.needs = {{"agent", "Ready", "all"}, {"server", "Ready", "2"}};
  step.facts = {"URL"};
  Plan plan;
  plan.steps = {step};
  return plan;
}

}  // namespace

TEST_CASE("a klubsterd that starts tells the configuration to a klubster-peerd that runs",
          "[peering]") {
  const PrivateBus daemon;
  if (!daemon.works()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }
  const TemporaryDirectory dir;
  Places places;
  places.run = dir.path();
  REQUIRE(make_directory(places.credentials(), 0700));
  EventLoop loop = EventLoop::create().value();
  Bus bus = Bus::open_user(loop).value(), peers_bus = Bus::open_user(loop).value();
  NodeConfig config;
  config.node = "n1";
  config.cluster_token = "token";
  // One that ended after it wrote the file, and before it was heard.
  {
    Bus first = Bus::open_user(loop).value();
    REQUIRE(Peering(first, places, [](const PeerNews&) {}).configure(config, "machine", "boot"));
  }

  std::string told;
  const BusSlot object =
      peers_bus.serve(names::kPeersPath, names::kPeersBus,
                      {{"Configure", "h", "b", Access::for_everybody(),
                        [&](BusMessage call, const BusCaller&) {
                          const UniqueFd memory = call.read_fd();
                          told = read_sealed_memory(memory.get(), 4096).value();
                          peers_bus.reply(call, [](BusMessage& reply) { reply.add_bool(true); });
                        }}},
                      {});
  REQUIRE(peers_bus.own_name(names::kPeersBus));
  Peering peering(bus, places, [](const PeerNews&) {});
  REQUIRE(peering.configure(config, "machine", "boot"));
  bool is_late = false;
  const EventSource deadline = loop.after(5'000'000, [&] { is_late = true; });
  loop.run_until([&] { return is_late || !told.empty(); });

  CHECK(told == read_file(places.peer_config(), 4096).value());
}

TEST_CASE("each need of a step is asked for, its facts with the first", "[peering]") {
  const Json needs = needs_json(plan_with_needs());
  REQUIRE(needs.items("needs").size() == 2);
  const Json& first = needs.items("needs")[0];
  CHECK(first.text_or("id") == "stack/prove#0");
  CHECK(first.text_or("count") == "all");
  CHECK(first.items("facts").size() == 1);
  const Json& second = needs.items("needs")[1];
  CHECK(second.integer_or("count") == 2);
  CHECK(second.items("facts").empty());
}

TEST_CASE("a skipped step asks for nothing", "[peering]") {
  Plan plan = plan_with_needs();
  plan.steps[0].skipped = true;
  CHECK(needs_json(plan).items("needs").empty());
}

TEST_CASE("a step is satisfied when all of its needs are", "[peering]") {
  const auto news = parse_news(
      R"({"needs":[{"id":"a/b#0","satisfied":true,"by":["n1"],"waitingFor":"",
                    "facts":[{"name":"URL","value":"u","sensitive":false,"from":"n1"}]},
                   {"id":"a/b#1","satisfied":false,"by":[],"waitingFor":"agent Ready at n3",
                    "facts":[]}],
          "members":[{"name":"n1","addresses":["10.0.0.1"]}]})");
  REQUIRE(news.has_value());
  CHECK_FALSE(news->needs.at("a/b").satisfied);
  CHECK(news->needs.at("a/b").waiting_for == "agent Ready at n3");
  CHECK(news->facts.at("a/b").at("URL").value == "u");
  CHECK(news->addresses.at("n1").front() == "10.0.0.1");
}

TEST_CASE("what other nodes say of the cluster's forming is read", "[peering]") {
  const auto news = parse_news(
      R"({"needs":[],"members":[],"forming":[
           {"name":"n1","member":true,"answered":true,"unreachable":false,"silent":true,
            "machine":"m","clusterId":"c","ownWord":true,"serverReady":true,
            "said":{"id":"c","servers":"l","seeks":"s","turn":"waits","admits":"n3",
                    "promise":{"to":"n2","seeks":"t","servers":"k"}}}]})");
  REQUIRE(news.has_value());
  REQUIRE(news->forming.size() == 1);
  FormingPeer peer;
  peer.name = "n1";
  peer.is_member = peer.answered = peer.silent = peer.own_word = peer.server_ready = true;
  peer.machine = "m";
  peer.cluster_id = "c";
  peer.said = {"c", "l", "s", {"n2", "t", "k"}, "waits", "n3"};
  CHECK(news->forming.front() == peer);
}

TEST_CASE("a conflict about this node's name is told", "[peering]") {
  const auto news = parse_news(
      R"({"needs":[],"members":[],"conflict":{"reason":"PeerConflict","message":"n2 is another"}})");
  REQUIRE(news.has_value());
  REQUIRE(news->conflict.has_value());
  CHECK(news->conflict->reason() == "PeerConflict");
  CHECK_FALSE(parse_news(R"({"needs":[],"members":[]})")->conflict.has_value());
}

TEST_CASE("a configuration that klubster-peerd does not take is told", "[peering]") {
  const auto news = parse_news(
      R"({"needs":[],"members":[],"refusal":{"reason":"BadCertificate","message":"no PEM"}})");
  REQUIRE(news.has_value());
  REQUIRE(news->refusal.has_value());
  CHECK(news->refusal->reason() == "BadCertificate");
  CHECK_FALSE(news->conflict.has_value());
}

TEST_CASE("an answer that is not what was agreed is refused", "[peering]") {
  const std::string text = GENERATE(as<std::string>{}, "", "[]", R"({"needs":[{"id":1}]})",
                                    R"({"needs":[],"members":[],"more":1})");
  CHECK_FALSE(parse_news(text).has_value());
}

TEST_CASE("what would be more than an address is no address", "[peering]") {
  const auto told = [](const std::string& address) {
    Json member = Json::Object{{"name", "n1"}, {"addresses", Json(std::vector{address})}};
    Json news = Json::Object{{"needs", Json::array()}, {"members", Json::array()}};
    news["members"].push_back(std::move(member));
    return parse_news(news.dump());
  };
  CHECK(told("10.0.0.1").has_value());
  CHECK(told("fd00::1").has_value());
  CHECK(told("n1.example.org").has_value());  // of members/n1/address
  CHECK_FALSE(told("10.0.0.1\n10.0.0.66 deb.debian.org").has_value());
  CHECK_FALSE(told("10.0.0.1 rancher.example.org").has_value());
}

TEST_CASE("only facts that a step asked for are kept, when its inputs allow them", "[peering]") {
  Profile profile;
  profile.inputs.emplace_back();
  profile.inputs.back().name = "URL";
  profile.inputs.back().type = InputType::kUrl;
  const auto judged = [&](const std::string& subject, const std::string& name,
                          const std::string& value) {
    PeerNews news;
    news.needs[subject].satisfied = true;
    news.facts[subject][name] = {value, false, false};
    judge_facts(news, plan_with_needs(), profile);
    return news;
  };
  CHECK(judged("stack/prove", "URL", "https://n1:6443").facts.size() == 1);
  CHECK(judged("stack/prove", "LD_PRELOAD", "/tmp/x.so").facts.empty());
  CHECK(judged("/./../../etc/cron.d/x", "URL", "https://n1:6443").facts.empty());

  const PeerNews news = judged("stack/prove", "URL", "https://n1\nLD_PRELOAD=/tmp/x.so");
  CHECK(news.facts.empty());
  CHECK_FALSE(news.needs.at("stack/prove").satisfied);
  CHECK(news.needs.at("stack/prove").reason == "BadValue");
  CHECK(news.needs.at("stack/prove").message.find("URL") == 0);
}

TEST_CASE("a secret fact that does not fit is not shown", "[peering]") {
  Profile profile;
  profile.inputs.emplace_back();
  profile.inputs.back().name = "URL";
  profile.inputs.back().type = InputType::kInt;
  PeerNews news;
  news.facts["stack/prove"]["URL"] = {"hunter2", true, false};
  judge_facts(news, plan_with_needs(), profile);
  CHECK(news.needs.at("stack/prove").message.find("hunter2") == std::string::npos);
}
