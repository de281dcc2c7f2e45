// Members are found through Avahi, which is played here.
#include <deque>

#include "peer/discovery.h"
#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

// One that answers after a while, as the network does.
class Avahi {
 public:
  explicit Avahi(EventLoop& loop) : loop_(loop), bus_(Bus::open_user(loop).value()) {
    const Access all = Access::for_everybody();
    const auto names = [this](const char* path) {
      return [this, path](const BusMessage& call, const BusCaller&) {
        ++made_;
        bus_.reply(call, [path](BusMessage& reply) { reply.add_string(path); });
      };
    };
    server_ = bus_.serve("/", "org.freedesktop.Avahi.Server",
                         {{"EntryGroupNew", "", "s", all, names("/group")},
                          {"ServiceBrowserNew", "iissu", "s", all, names("/browser")},
                          {"ResolveService", "iisssiu", "iissssisqaayu", all,
                           [this](BusMessage call, const BusCaller&) { ask(std::move(call)); }}},
                         {});
    browser_ = bus_.serve("/browser", "org.freedesktop.Avahi.ServiceBrowser", {},
                          {{"ItemNew", "iisssu"}, {"ItemRemove", "iisssu"}});
    REQUIRE(bus_.own_name("org.freedesktop.Avahi"));
  }

  bool is_browsed() const { return made_ == 2; }
  void emit(const char* member, std::int32_t interface, const std::string& node) {
    bus_.emit("/browser", "org.freedesktop.Avahi.ServiceBrowser", member, [&](BusMessage& item) {
      item.add_int32(interface).add_int32(0).add_string("klubster " + node);
      item.add_string(kServiceType).add_string("local").add_uint32(0);
    });
  }

 private:
  void ask(BusMessage call) {
    asked_.push_back(std::move(call));
    answer_ = loop_.after(100'000, [this] {
      for (BusMessage& one : asked_)
        answer(one);
      asked_.clear();
    });
  }
  void answer(BusMessage& call) {
    call.skip("ii");
    const std::string node = call.read_string().substr(9);
    bus_.reply(call, [&](BusMessage& reply) {
      reply.add_int32(2).add_int32(0).add_string("klubster " + node).add_string(kServiceType);
      reply.add_string("local").add_string(node + ".local").add_int32(0);
      reply.add_string("10.9.0." + node.substr(1)).add_uint16(9446).open('a', "ay");
      for (const std::string& text : announcement_texts({node, "lab", 9446}))
        reply.add_bytes(text);
      reply.close().add_uint32(0);
    });
  }

  EventLoop& loop_;
  Bus bus_;
  BusSlot server_, browser_;
  int made_ = 0;
  std::deque<BusMessage> asked_;
  EventSource answer_;
};

struct Found {
  PrivateBus daemon;
  EventLoop loop = EventLoop::create().value();
  std::multimap<std::string, std::string> places;  // by node

  Discovery::Handlers handlers() {
    return {[this](const std::string& node, const HostPort& at) { places.emplace(node, at.host); },
            [this](const std::string& node, const HostPort&) { places.erase(node); }};
  }
  void wait_for(
      std::uint64_t usec, const std::function<bool()>& done = [] { return false; }) {
    bool is_over = false;
    const EventSource timer = loop.after(usec, [&] { is_over = true; });
    loop.run_until([&] { return is_over || done(); });
  }
};

}  // namespace

TEST_CASE("however many members are announced at once, each is found", "[discovery]") {
  Found found;
  if (!found.daemon.works()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }
  Avahi avahi(found.loop);
  Bus bus = Bus::open_user(found.loop).value();
  const Discovery discovery(found.loop, bus, {"n0", "lab", 9446}, true, found.handlers());
  found.wait_for(5'000'000, [&] { return avahi.is_browsed(); });
  found.wait_for(100'000);

  for (int i = 1; i <= 200; ++i)
    avahi.emit("ItemNew", 2, "n" + std::to_string(i));
  found.wait_for(5'000'000, [&] { return found.places.size() == 200; });

  CHECK(found.places.size() == 200);
}

TEST_CASE("a place that is announced on another interface, too, stays", "[discovery]") {
  Found found;
  if (!found.daemon.works()) {
    WARN("no dbus-daemon here: not tested");
    return;
  }
  Avahi avahi(found.loop);
  Bus bus = Bus::open_user(found.loop).value();
  const Discovery discovery(found.loop, bus, {"n0", "lab", 9446}, true, found.handlers());
  found.wait_for(5'000'000, [&] { return avahi.is_browsed(); });
  found.wait_for(100'000);
  avahi.emit("ItemNew", 2, "n1");
  avahi.emit("ItemNew", 3, "n1");
  found.wait_for(5'000'000, [&] { return found.places.size() == 2; });
  REQUIRE(found.places.size() == 2);

  avahi.emit("ItemRemove", 3, "n1");
  found.wait_for(200'000);
  CHECK_FALSE(found.places.empty());

  avahi.emit("ItemRemove", 2, "n1");
  found.wait_for(5'000'000, [&] { return found.places.empty(); });
  CHECK(found.places.empty());
}
