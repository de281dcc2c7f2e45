// An object on a private bus: who may call, what a caller is, which properties are announced.
#include "linux/bus.h"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

constexpr const char* kName = "org.example.Test";
constexpr const char* kPath = "/org/example/Test";
constexpr std::uint64_t kDeadlineUsec = 10'000'000;

// One loop with a server's and a client's connection.
struct Scene {
  PrivateBus daemon;
  EventLoop loop = EventLoop::create().value();
  Bus server = Bus::open_user(loop).value();
  Bus client = Bus::open_user(loop).value();
  std::optional<Result<BusMessage>> answer;

  void wait(const std::function<bool()>& holds) {
    bool late = false;
    const EventSource deadline = loop.after(kDeadlineUsec, [&] { late = true; });
    loop.run_until([&] { return holds() || late; });
    REQUIRE_FALSE(late);
  }
  Result<BusMessage>& ask(BusMessage message) {
    answer.reset();
    client.call(std::move(message),
                [this](Result<BusMessage> reply) { answer = std::move(reply); });
    wait([this] { return answer.has_value(); });
    return *answer;
  }
};

struct FakePolkit {
  bool authorized = false, challenge = false;
  std::string asked_action, asked_name;
  std::uint32_t flags = 7;

  BusSlot serve(Bus& bus) {
    const auto check = [this, &bus](BusMessage call, const BusCaller&) {
      call.enter('r', "sa{sv}");
      call.skip("s");
      call.enter('a', "{sv}");
      call.enter('e', "sv");
      call.skip("s");
      call.enter('v', "s");
      asked_name = call.read_string();
      for (int i = 0; i < 4; ++i)
        call.exit();
      asked_action = call.read_string();
      call.skip("a{ss}");
      flags = call.read_uint32();
      bus.reply(call, [this](BusMessage& reply) {
        reply.open('r', "bba{ss}").add_bool(authorized).add_bool(challenge);
        reply.open('a', "{ss}").close().close();
      });
    };
    std::vector<BusMethod> methods;
    methods.push_back(
        {"CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", Access::for_everybody(), check});
    BusSlot slot = bus.serve("/org/freedesktop/PolicyKit1/Authority",
                             "org.freedesktop.PolicyKit1.Authority", std::move(methods), {});
    REQUIRE(bus.own_name("org.freedesktop.PolicyKit1").has_value());
    return slot;
  }
};

}  // namespace

TEST_CASE("a method learns who called it", "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  BusCaller seen;
  std::vector<BusMethod> methods;
  methods.push_back(
      {"Do", "s", "s", Access::for_root(), [&](BusMessage call, const BusCaller& caller) {
         seen = caller;
         const std::string word = call.read_string();
         scene.server.reply(call, [&](BusMessage& into) { into.add_string(word); });
       }});
  const BusSlot slot = scene.server.serve(kPath, kName, std::move(methods), {});
  REQUIRE(scene.server.own_name(kName).has_value());
  auto& reply = scene.ask([&] {
    auto message = scene.client.method(kName, kPath, kName, "Do");
    message.add_string("hello");
    return message;
  }());
  REQUIRE(reply.has_value());
  CHECK(reply->read_string() == "hello");
  CHECK(seen.uid == ::geteuid());
  CHECK(seen.pid == static_cast<std::uint32_t>(::getpid()));
}

TEST_CASE("callers are told by name where the machine knows one", "[bus]") {
  CHECK(BusCaller{0, 12}.text() == "root (uid 0, pid 12)");
  CHECK(BusCaller{4'000'000'000, 12}.text() == "uid 4000000000, pid 12");
}

TEST_CASE("who has gone from the bus is nobody's caller", "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  std::optional<Result<BusCaller>> caller;
  ask_caller(scene.server, {":1.99999", false}, [&](Result<BusCaller> answer) { caller = answer; });
  scene.wait([&] { return caller.has_value(); });
  CHECK_FALSE(caller->has_value());
}

TEST_CASE("without polkit only root may, and is told so", "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  std::optional<Status> opinion;
  ask_polkit(scene.server, {":1.1", false}, "org.example.do",
             [&](const Status& answer) { opinion = answer; });
  scene.wait([&] { return opinion.has_value(); });
  REQUIRE_FALSE(opinion->has_value());
  CHECK(opinion->error().reason() == "AccessDenied");
  CHECK(opinion->error().message().find("only root may do this") != std::string::npos);
  CHECK(opinion->error().message().find("polkit") != std::string::npos);
}

TEST_CASE("polkit decides about the sender, and a person only when the call allows it", "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  FakePolkit polkit;
  const BusSlot slot = polkit.serve(scene.client);
  const auto ask = [&](bool interactive) {
    std::optional<Status> opinion;
    ask_polkit(scene.server, {":1.77", interactive}, "org.example.do",
               [&](const Status& answer) { opinion = answer; });
    scene.wait([&] { return opinion.has_value(); });
    return *opinion;
  };
  const Status refused = ask(false);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().reason() == "AccessDenied");
  CHECK(refused.error().message().find("org.example.do") == 0);
  CHECK(polkit.asked_action == "org.example.do");
  CHECK(polkit.asked_name == ":1.77");
  CHECK(polkit.flags == 0);

  polkit.challenge = true;
  const Status challenged = ask(false);
  REQUIRE_FALSE(challenged.has_value());
  CHECK(challenged.error().message().find("authenticate") != std::string::npos);

  polkit.authorized = true;
  polkit.challenge = false;
  CHECK(ask(true).has_value());
  CHECK(polkit.flags == 1);
}

TEST_CASE("a property is read by everybody, and its change is announced with its value", "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  std::uint64_t number = 1;
  std::vector<BusProperty> properties;
  properties.push_back({"Number", "t", [&](BusMessage& into) { into.add_uint64(number); }});
  properties.push_back({"Still", "s", [](BusMessage& into) { into.add_string("x"); }});
  const BusSlot slot = scene.server.serve(kPath, kName, {}, {}, std::move(properties));
  REQUIRE(scene.server.own_name(kName).has_value());

  std::optional<std::uint64_t> announced;
  bool more = false;
  const BusSlot match = scene.client.match(
      "type='signal',interface='org.freedesktop.DBus.Properties',path='" + std::string(kPath) + "'",
      "sa{sv}as", [&](BusMessage signal) {
        CHECK(signal.read_string() == kName);
        signal.enter('a', "{sv}");
        while (signal.enter('e', "sv")) {
          more = more || announced.has_value();
          CHECK(signal.read_string() == "Number");
          signal.enter('v', "t");
          announced = signal.read_uint64();
          signal.exit();
          signal.exit();
        }
      });
  auto& reply = scene.ask([&] {
    auto message = scene.client.method(kName, kPath, "org.freedesktop.DBus.Properties", "Get");
    message.add_string(kName).add_string("Number");
    return message;
  }());
  REQUIRE(reply.has_value());
  reply->enter('v', "t");
  CHECK(reply->read_uint64() == 1);

  number = 2;
  scene.server.properties_changed(kPath, kName, {"Number"});
  scene.wait([&] { return announced.has_value(); });
  CHECK(announced == 2);
  CHECK_FALSE(more);
}

TEST_CASE("what anybody sends to a connection alone is no signal unless it looks like one",
          "[bus]") {
  Scene scene;
  if (!scene.daemon.works()) return;
  REQUIRE(scene.server.own_name(kName).has_value());
  std::vector<bool> heard;
  const BusSlot match =
      scene.server.match("type='signal',sender='org.example.Owner',member='Reloading'", "b",
                         [&](BusMessage signal) { heard.push_back(signal.read_bool()); });
  const auto send = [&](const std::function<void(BusMessage&)>& fill) {
    scene.client.emit(kPath, "org.example.Owner", "Reloading", [&](BusMessage& signal) {
      REQUIRE(sd_bus_message_set_destination(signal.get(), kName) >= 0);
      fill(signal);
    });
  };
  send([](BusMessage&) {});
  send([](BusMessage& signal) { signal.add_string("no flag"); });
  send([](BusMessage& signal) { signal.add_bool(true).add_bool(false); });
  send([](BusMessage& signal) { signal.add_bool(true); });
  scene.wait([&] { return !heard.empty(); });
  CHECK(heard == std::vector<bool>{true});
}
