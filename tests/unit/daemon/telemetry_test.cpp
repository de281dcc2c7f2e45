// The outbox: bounded, in pairs, emptied later, and not there without consent.
#include "daemon/telemetry.h"

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

class TelemetryScene {
 public:
  TelemetryScene() : world(plan_of({})) {
    places.state = directory.path() + "/state";
    places.run = directory.path() + "/run";
    REQUIRE(make_places(places).has_value());
    restart();
  }
  // A new process over the same log, disk and units.
  void restart() {
    telemetry.reset();
    world.start_agent();
    telemetry = std::make_unique<Telemetry>(
        *world.shell, timers, places, "salt",
        [this](std::uint64_t since_seq, std::size_t limit) { return events(since_seq, limit); });
    world.shell->on_settled([this] { telemetry->advance(); });
  }
  Result<std::vector<Event>> events(std::uint64_t since_seq, std::size_t limit) const {
    std::vector<Event> found;
    for (const auto& event : world.store.events) {
      if (event.seq >= since_seq && found.size() < limit) found.push_back(event);
    }
    return found;
  }
  void allow(bool enabled = true) {
    telemetry->configure({enabled, "https://t.example/", "tok", ""});
    world.settle();
  }
  void happens(std::vector<Event> what) {
    world.shell->record(std::move(what));
    world.settle();
  }
  void apply(std::uint64_t generation) {
    happens({generation_made({.number = generation}), generation_ready(generation)});
  }
  std::vector<std::string> outbox() const {
    return list_directory(places.telemetry() + "/outbox").value_or(std::vector<std::string>());
  }
  bool runs() const { return world.manager.units.count(kTelemetryUnit) > 0; }
  int starts() { return world.manager.started[kTelemetryUnit]; }
  Json request() const {
    return *parse_json(*read_file(places.credentials() + "/worker-telemetry", 1 << 20));
  }
  void end(Json result) {
    result["v"] = 1;
    REQUIRE(write_file(places.outputs() + "/worker-telemetry", result.dump(), 0666));
    world.finish(kTelemetryUnit, result.bool_or("ok") ? 0 : 1);
    world.settle();
  }
  void wake() {
    timers.fire();
    world.settle();
  }
  // All that it was handed arrived.
  void deliver() {
    Json ids = Json::array();
    const Json asked = request();
    for (const auto& event : asked.items("events"))
      ids.push_back(event.text_or("id"));
    end(Json::Object{{"ok", true}, {"delivered", ids}, {"refused", Json::array()}});
  }
  void fail() {
    end(Json::Object{{"ok", false},
                     {"delivered", Json::array()},
                     {"refused", Json::array()},
                     {"failure", Json::Object{{"reason", "ConnectFailed"}, {"message", "gone"}}}});
  }

  TemporaryDirectory directory;
  Places places;
  EngineWorld world;
  ManualTimers timers;  // of its own, as in klubsterd
  std::unique_ptr<Telemetry> telemetry;
};

}  // namespace

TEST_CASE("without consent nothing is written and no unit is asked about", "[telemetry]") {
  TelemetryScene scene;
  scene.allow(false);
  scene.apply(1);
  CHECK_FALSE(exists(scene.places.telemetry()));
  CHECK(scene.starts() == 0);
  CHECK(scene.world.shell->world().units.count(kTelemetryUnit) == 0);
  CHECK(scene.telemetry->environment().empty());
  CHECK(scene.telemetry->status().is_null());
}

TEST_CASE("with consent, what happens from then on is delivered and gone", "[telemetry]") {
  TelemetryScene scene;
  scene.apply(1);
  scene.allow();
  CHECK(scene.outbox().empty());
  scene.happens({generation_made({.number = 2})});
  REQUIRE(scene.runs());
  const Json request = scene.request();
  CHECK(request.text_or("token") == "tok");
  REQUIRE(request.items("events").size() == 1);
  const Json& body = request.items("events")[0].get("body");
  CHECK(body.text_or("event_name") == "infra.command.started");
  CHECK(body.text_or("sent_at").ends_with("+00:00"));
  CHECK(scene.telemetry->environment() ==
        std::vector<std::string>{"KLUBSTER_TELEMETRY_SESSION=" + body.text_or("session_id"),
                                 "KLUBSTER_TELEMETRY_PARENT=" + body.text_or("run_id")});
  scene.deliver();
  CHECK(scene.outbox().empty());
  CHECK_FALSE(exists(scene.places.credentials() + "/worker-telemetry"));
  CHECK(scene.telemetry->status().integer_or("delivered") == 1);
  scene.happens({generation_ready(2)});
  REQUIRE(scene.runs());
  CHECK(scene.request().items("events")[0].get("body").get("command").text_or("result") ==
        "success");
}

TEST_CASE("what did not arrive is sent later, ever more seldom, also by the next process",
          "[telemetry]") {
  TelemetryScene scene;
  scene.allow();
  scene.apply(1);
  scene.fail();
  CHECK_FALSE(scene.runs());
  CHECK(scene.outbox().size() == 2);
  CHECK(scene.telemetry->status().text_or("message") == "gone");
  REQUIRE(scene.timers.due);
  const auto first = *scene.timers.due - scene.timers.now;
  scene.wake();
  REQUIRE(scene.runs());
  scene.fail();
  REQUIRE(scene.timers.due);
  CHECK(*scene.timers.due - scene.timers.now > first);
  scene.restart();
  scene.allow();
  REQUIRE(scene.runs());
  CHECK(scene.request().items("events").size() == 2);
  scene.deliver();
  CHECK(scene.outbox().empty());
  CHECK(scene.telemetry->status().integer_or("waiting") == 0);
}

TEST_CASE("a crash anywhere loses no event and tells none twice under other ids", "[telemetry]") {
  TelemetryScene scene;
  scene.allow();
  scene.happens({generation_made({.number = 1})});
  scene.fail();
  const auto before = scene.outbox();
  // The file was written, the ledger was not.
  REQUIRE(remove_file(scene.places.telemetry() + "/ledger.json.tmp"));
  const auto ledger = *read_file(scene.places.telemetry() + "/ledger.json", 1 << 20);
  scene.happens({generation_ready(1)});
  const auto both = scene.outbox();
  REQUIRE(both.size() == 2);
  REQUIRE(write_file(scene.places.telemetry() + "/ledger.json", ledger, 0600));
  scene.restart();
  scene.allow();
  CHECK(scene.outbox() == both);
}

TEST_CASE("the outbox is bounded: whole runs go, the oldest first, and are counted",
          "[telemetry]") {
  TelemetryScene scene;
  scene.allow();
  scene.apply(1);
  scene.fail();
  for (std::uint64_t generation = 2; generation <= 150; ++generation)
    scene.apply(generation);
  CHECK(scene.outbox().size() <= 200);
  CHECK(scene.telemetry->status().integer_or("dropped") == 100);
  std::map<std::string, int> runs;
  for (const auto& name : scene.outbox()) {
    const auto text = *read_file(scene.places.telemetry() + "/outbox/" + name, 1 << 20);
    ++runs[parse_json(text)->get("body").text_or("run_id")];
  }
  for (const auto& [run_id, count] : runs)
    CHECK(count == 2);
}

TEST_CASE("consent that is taken back empties the outbox at once", "[telemetry]") {
  TelemetryScene scene;
  scene.allow();
  scene.apply(1);
  REQUIRE(scene.runs());
  scene.allow(false);
  CHECK(scene.outbox().empty());
  CHECK_FALSE(scene.runs());
  CHECK_FALSE(exists(scene.places.telemetry() + "/ledger.json"));
  scene.apply(2);
  CHECK(scene.outbox().empty());
}

TEST_CASE("what the server will never take is counted and gone", "[telemetry]") {
  TelemetryScene scene;
  scene.allow();
  scene.happens({generation_made({.number = 1})});
  const std::string id = scene.request().items("events")[0].text_or("id");
  scene.end(Json::Object{{"ok", true},
                         {"delivered", Json::array()},
                         {"refused", Json(std::vector<std::string>{id, "../../../etc/passwd"})}});
  CHECK(scene.outbox().empty());
  CHECK(scene.telemetry->status().integer_or("refused") == 1);
}
