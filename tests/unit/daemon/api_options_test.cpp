// Options of a method as they arrive over a bus.
#include "daemon/api_options.h"

#include <functional>
#include <optional>

#include "tests/unit/catch.h"
#include "tests/unit/private_bus.h"

using namespace klubster;

namespace {

constexpr const char* kName = "org.example.Test";
constexpr const char* kPath = "/org/example/Test";

struct Read {
  bool flag = false;
  std::uint64_t number = 7;
  std::string text = "as it was";
  Status status;
};

// Sends what `fill` writes into a dictionary, and reads it on the other side.
Read read_over_bus(const std::function<void(BusMessage&)>& fill) {
  EventLoop loop = EventLoop::create().value();
  Bus server = Bus::open_user(loop).value();
  Bus client = Bus::open_user(loop).value();
  Read read;
  bool over = false;
  std::vector<BusMethod> methods;
  methods.push_back(
      {"Do", "a{sv}", "", Access::for_everybody(), [&](BusMessage call, const BusCaller&) {
         read.status =
             read_options(call, {{"b", &read.flag}, {"t", &read.number}, {"s", &read.text}});
         over = true;
       }});
  const BusSlot slot = server.serve(kPath, kName, std::move(methods), {});
  REQUIRE(server.own_name(kName).has_value());
  BusMessage call = client.method(kName, kPath, kName, "Do");
  call.open('a', "{sv}");
  fill(call);
  call.close();
  client.call(std::move(call), [](const Result<BusMessage>&) {});
  bool late = false;
  const EventSource deadline = loop.after(10'000'000, [&] { late = true; });
  loop.run_until([&] { return over || late; });
  REQUIRE(over);
  return read;
}

void add_text(BusMessage& call, const char* name, const std::string& text) {
  call.open('e', "sv").add_string(name).open('v', "s").add_string(text).close().close();
}

}  // namespace

TEST_CASE("options are read by their names and types", "[api]") {
  const PrivateBus daemon;
  if (!daemon.works()) return;
  const Read nothing = read_over_bus([](BusMessage&) {});
  CHECK(nothing.status.has_value());
  CHECK(nothing.text == "as it was");
  CHECK(nothing.number == 7);

  const Read all = read_over_bus([](BusMessage& call) {
    add_text(call, "s", "word");
    call.open('e', "sv").add_string("t").open('v', "t").add_uint64(3).close().close();
    call.open('e', "sv").add_string("b").open('v', "b").add_bool(true).close().close();
  });
  CHECK(all.status.has_value());
  CHECK(all.flag);
  CHECK(all.number == 3);
  CHECK(all.text == "word");
}

TEST_CASE("an option that is unknown, of another type, too long or there twice is named", "[api]") {
  const PrivateBus daemon;
  if (!daemon.works()) return;
  const auto message = [](const Read& read) {
    REQUIRE_FALSE(read.status.has_value());
    CHECK(read.status.error().reason() == "Usage");
    return read.status.error().message();
  };
  CHECK(message(read_over_bus([](BusMessage& call) { add_text(call, "until-step", "x"); })) ==
        "expected an option of b, t, s, found until-step");
  CHECK(message(read_over_bus([](BusMessage& call) { add_text(call, "t", "3"); })) ==
        "option t: expected a value of type t, found s");
  CHECK(message(read_over_bus([](BusMessage& call) {
          add_text(call, "s", "1");
          add_text(call, "s", "2");
        })) == "option s is given twice");
  CHECK(message(read_over_bus([](BusMessage& call) {
          add_text(call, "s", std::string(5000, 'x'));
        })) == "option s: the text is too long");
}
