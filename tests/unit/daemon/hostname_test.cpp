// The hostname, against a hostnamed of the test's own on a bus of the test's own.
#include "daemon/hostname.h"

#include <systemd/sd-bus.h>

#include "base/reason.h"
#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

// Raw sd-bus, since properties are nothing that our own services have.
struct FakeHostnamed {
  std::string present = "localhost";
  bool refuses_static = false, refuses_transient = false, forgets = false;
  std::vector<std::string> calls;

  void serve(EventLoop& loop) {
    REQUIRE(sd_bus_open_user(&bus) >= 0);
    REQUIRE(sd_bus_attach_event(bus, loop.get(), 0) >= 0);
    REQUIRE(sd_bus_add_object(bus, nullptr, "/org/freedesktop/hostname1", answer, this) >= 0);
    REQUIRE(sd_bus_request_name(bus, "org.freedesktop.hostname1", 0) >= 0);
  }
  ~FakeHostnamed() { sd_bus_flush_close_unref(bus); }

  static int answer(sd_bus_message* message, void* data, sd_bus_error* error) {
    return static_cast<FakeHostnamed*>(data)->handle(message, error);
  }
  int handle(sd_bus_message* message, sd_bus_error* error) {
    const std::string member = sd_bus_message_get_member(message);
    calls.push_back(member);
    if (member == "Get") {
      const char *interface = nullptr, *property = nullptr;
      if (sd_bus_message_read(message, "ss", &interface, &property) < 0) return -EINVAL;
      if (std::string(property) != "Hostname") return -EINVAL;
      return sd_bus_reply_method_return(message, "v", "s", present.c_str());
    }
    const char* name = nullptr;
    int interactive = 1;
    if (sd_bus_message_read(message, "sb", &name, &interactive) < 0) return -EINVAL;
    if (member == "SetStaticHostname" ? refuses_static : refuses_transient) {
      return sd_bus_error_set(error, "org.freedesktop.DBus.Error.FileExists", "read-only");
    }
    if (!forgets) present = name;
    return sd_bus_reply_method_return(message, "");
  }

  sd_bus* bus = nullptr;
};

struct Fixture {
  PrivateBus daemon;
  EventLoop loop = EventLoop::create().value();
  FakeHostnamed hostnamed;
  std::optional<Bus> bus;
  std::optional<Hostname> hostname;
  int changes = 0;

  bool start(bool with_hostnamed = true) {
    if (!daemon.works()) {
      WARN("no dbus-daemon here: not tested");
      return false;
    }
    if (with_hostnamed) hostnamed.serve(loop);
    bus.emplace(Bus::open_user(loop).value());
    hostname.emplace(loop, *bus, [this] { ++changes; });
    return true;
  }
  void wait_for_change(int count = 1) {
    bool is_late = false;
    const EventSource deadline = loop.after(10'000'000, [&] { is_late = true; });
    loop.run_until([&] { return is_late || changes >= count; });
    REQUIRE_FALSE(is_late);
  }
};

}  // namespace

TEST_CASE("a hostname that is right is left alone", "[hostname]") {
  Fixture fixture;
  if (!fixture.start()) return;
  fixture.hostnamed.present = "n1";
  CHECK(fixture.hostname->waits().empty());
  fixture.hostname->want("n1");
  CHECK_FALSE(fixture.hostname->waits().empty());  // not asked yet: nothing may begin
  fixture.wait_for_change();
  CHECK(fixture.hostname->waits().empty());
  CHECK(fixture.hostnamed.calls == std::vector<std::string>{"Get"});
}

TEST_CASE("a hostname that is wrong is set and looked at again", "[hostname]") {
  Fixture fixture;
  if (!fixture.start()) return;
  fixture.hostname->want("n1");
  CHECK(fixture.hostname->waits() == "the machine's hostname to become n1");
  fixture.wait_for_change();
  CHECK(fixture.hostname->waits().empty());
  CHECK(fixture.hostnamed.present == "n1");
  CHECK(fixture.hostnamed.calls == std::vector<std::string>{"Get", "SetStaticHostname", "Get"});
  fixture.hostname->want("n1");
  CHECK(fixture.hostname->waits().empty());  // asked and answered
}

TEST_CASE("where the static name is read-only the transient one is set", "[hostname]") {
  Fixture fixture;
  if (!fixture.start()) return;
  fixture.hostnamed.refuses_static = true;
  fixture.hostname->want("n1");
  fixture.wait_for_change();
  CHECK(fixture.hostname->waits().empty());
  CHECK(fixture.hostnamed.present == "n1");
  CHECK(fixture.hostnamed.calls.at(2) == "SetHostname");
}

TEST_CASE("a refused hostname is told, and tried again until it is set", "[hostname]") {
  Fixture fixture;
  if (!fixture.start()) return;
  SECTION("refused") {
    fixture.hostnamed.refuses_static = fixture.hostnamed.refuses_transient = true;
  }
  SECTION("accepted without effect") {
    fixture.hostnamed.forgets = true;
  }
  fixture.hostname->want("n1");
  fixture.wait_for_change();
  CHECK_FALSE(fixture.hostname->waits().empty());
  REQUIRE(fixture.hostname->problem());
  CHECK(fixture.hostname->problem()->reason() == "HostnameRefused");
  CHECK(next_step(*fixture.hostname->problem()).find("node/set-hostname") != std::string::npos);

  fixture.hostnamed.refuses_static = fixture.hostnamed.forgets = false;
  fixture.wait_for_change(2);
  CHECK(fixture.hostname->waits().empty());
  CHECK_FALSE(fixture.hostname->problem());
}

TEST_CASE("without hostnamed steps wait, until nobody wants a hostname any more", "[hostname]") {
  Fixture fixture;
  if (!fixture.start(false)) return;
  fixture.hostname->want("n1");
  fixture.wait_for_change();
  REQUIRE(fixture.hostname->problem());
  CHECK_FALSE(fixture.hostname->waits().empty());
  fixture.hostname->want("");
  CHECK(fixture.hostname->waits().empty());
  CHECK_FALSE(fixture.hostname->problem());
}
