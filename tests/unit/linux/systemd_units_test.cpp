// Whom the unit runner believes, beside a manager of the test's own.
#include "linux/systemd_units.h"

#include <systemd/sd-bus.h>

#include <algorithm>

#include "base/digest.h"
#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "klubster-step.service";
constexpr std::uint64_t kRunnerUsec = 10'000'000;

struct ManagerScene {
  PrivateBus daemon;
  EventLoop loop = EventLoop::create().value();
  Bus manager = Bus::open_user(loop).value();
  Bus client = Bus::open_user(loop).value();
  Bus anybody = Bus::open_user(loop).value();
  BusSlot served;
  std::string asker;  // the runner's own name on the bus
  std::vector<UnitSnapshot> seen;
  std::optional<SystemdUnits> units;

  ManagerScene() {
    std::vector<BusMethod> methods;
    methods.push_back({"Subscribe", "", "", Access::for_everybody(),
                       [this](const BusMessage& call, const BusCaller&) {
                         asker = call.sender();
                         manager.reply(call, [](BusMessage&) {});
                       }});
    methods.push_back({"StartTransientUnit", "ssa(sv)a(sa(sv))", "s", Access::for_everybody(),
                       [this](const BusMessage& call, const BusCaller&) {
                         manager.reply(call, [](BusMessage& reply) { reply.add_string("job"); });
                       }});
    served = manager.serve("/org/freedesktop/systemd1", kManager, std::move(methods), {});
    REQUIRE(manager.own_name("org.freedesktop.systemd1").has_value());
    units.emplace(loop, client);
    units->on_change([this](const UnitSnapshot& unit) { seen.push_back(unit); });
    wait([this] { return !asker.empty(); });
  }
  void wait(const std::function<bool()>& holds) {
    bool late = false;
    const EventSource deadline = loop.after(kRunnerUsec, [&] { late = true; });
    loop.run_until([&] { return holds() || late; });
    REQUIRE_FALSE(late);
  }
  void say_it_runs(Bus& by, const std::string& invocation) {
    by.emit(Bus::encode_path("/org/freedesktop/systemd1/unit", kUnit),
            "org.freedesktop.DBus.Properties", "PropertiesChanged", [&](BusMessage& signal) {
              REQUIRE(sd_bus_message_set_destination(signal.get(), asker.c_str()) >= 0);
              signal.add_string("org.freedesktop.systemd1.Unit").open('a', "{sv}");
              signal.open('e', "sv").add_string("ActiveState").open('v', "s");
              signal.add_string("activating").close().close();
              signal.open('e', "sv").add_string("InvocationID").open('v', "ay");
              signal.add_bytes(invocation).close().close().close().add_strings({});
            });
  }
};

}  // namespace

TEST_CASE("that a task has begun is believed of systemd alone", "[units]") {
  if (!PrivateBus().works()) return;
  ManagerScene scene;
  const bool is_own = GENERATE(true, false);
  const std::string invocation(16, 'i');
  TransientUnit unit;
  unit.name = kUnit;
  unit.set("Type", std::string("oneshot"));
  scene.units->start(unit);
  // The runner's own call comes back before what is sent after it is answered.
  std::optional<Result<BusMessage>> answer;
  scene.client.call(scene.client.method("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                        kManager, "Subscribe"),
                    [&](Result<BusMessage> reply) { answer.emplace(std::move(reply)); });
  scene.wait([&] { return answer.has_value(); });

  scene.say_it_runs(is_own ? scene.manager : scene.anybody, invocation);
  scene.wait([&] { return !scene.seen.empty(); });

  const bool believed = std::ranges::any_of(
      scene.seen, [&](const UnitSnapshot& one) { return one.invocation == to_hex(invocation); });
  CHECK(believed == is_own);
}
