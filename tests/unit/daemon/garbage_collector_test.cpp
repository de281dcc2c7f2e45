// Orders, the one unit that carries them out, and what is believed of its answer.
#include "daemon/garbage_collector.h"

#include "linux/files.h"
#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"
#include "tests/unit/temporary_directory.h"

using namespace klubster;

namespace {

const std::string kSealed(64, 'a');
const ProfileOrigin kOrigin{"0123456789abcdef0123456789abcdef", true};

// An agent with one generation, as far as garbage is concerned.
class CollectorScene {
 public:
  CollectorScene() : world(plan_of({task("one")})) {
    places.state = directory.path() + "/state";
    places.run = directory.path() + "/run";
    REQUIRE(make_places(places).has_value());
    workers = std::make_unique<ProfileWorkers>(places);
    restart();
    world.shell->record(generation_made({1, "hash", "origin", kSealed, "demo", "1"}));
  }
  // A new process over the same log, disk and units.
  void restart() {
    collector.reset();
    world.start_agent();
    collector = std::make_unique<GarbageCollector>(*world.shell, *workers);
    world.shell->on_settled([this] { collector->advance(origin, blocked); });
  }
  void become_ready() {
    world.workers.on_disk = {WorkerStage::kSeal};
    world.shell->record(step_done("profile/seal", kOrigin.fingerprint, "worker", Json::object()));
    origin = kOrigin;
    world.shell->set_origin(origin);
    world.settle();
    world.finish(world.unit_of("server/one"), 0);
  }
  // The next version is to be brought, and its worker finds no room on the disk.
  void next_version_finds_the_disk_full(WorkerStage stage) {
    origin = ProfileOrigin{"fedcba9876543210fedcba9876543210", false, false};
    world.workers.on_disk.clear();
    world.shell->set_origin(origin);
    world.settle();
    if (stage == WorkerStage::kUnpack) verdict(WorkerStage::kPackage, {true, true, 0, "", ""});
    finds_the_disk_full(stage);
  }
  void finds_the_disk_full(WorkerStage stage) {
    verdict(stage, {false, true, 0, "DiskFull", "no space left"});
  }
  void verdict(WorkerStage stage, WorkerVerdict said) {
    const std::string unit = world.unit_of(subject_of(stage));
    REQUIRE_FALSE(unit.empty());
    if (said.ok) world.workers.on_disk.insert(stage);
    world.workers.verdicts[stage] = said;
    world.finish(unit, said.ok ? 0 : 1);
  }
  void ask(bool dry_run) {
    collector->ask(dry_run, [this](const Result<Json>& result) { answers.push_back(result); });
    world.settle();
  }
  bool runs() const { return world.manager.units.count(kCollectUnit) > 0; }
  int starts() { return world.manager.started[kCollectUnit]; }
  Json request() const {
    return *parse_json(*read_file(places.credentials() + "/worker-collect", 1 << 20));
  }
  void end(const std::string& result, int exit_code = 0) {
    REQUIRE(write_file(places.outputs() + "/worker-collect", result, 0666));
    world.finish(kCollectUnit, exit_code);
  }

  TemporaryDirectory directory;
  Places places;
  EngineWorld world;
  std::unique_ptr<ProfileWorkers> workers;
  std::unique_ptr<GarbageCollector> collector;
  std::optional<ProfileOrigin> origin;
  std::optional<Error> blocked;
  std::vector<Result<Json>> answers;
};

const std::string kNothing =
    R"({"v":1,"ok":true,"files":0,"bytes":0,"more":0,"removed":[],"left":[],"kept":[]})";

}  // namespace

TEST_CASE("after Ready it runs once for what there is to keep", "[collector]") {
  CollectorScene scene;
  scene.become_ready();
  REQUIRE(scene.runs());
  CHECK(scene.request().get("profiles").dump() == "[\"" + kSealed + "\"]");
  CHECK_FALSE(scene.request().bool_or("dryRun", true));
  scene.end(
      R"({"v":1,"ok":true,"files":3,"bytes":70,"more":0,"left":[],"kept":[],"removed":[
         {"kind":"profile","name":")" +
      std::string(64, 'b') + R"(","files":3,"bytes":70}]})");
  CHECK_FALSE(scene.runs());
  CHECK_FALSE(scene.world.shell->world().collecting);
  REQUIRE(scene.world.store.events.back().type == "GarbageCollected");
  CHECK(scene.world.store.events.back().data.integer_or("bytes") == 70);
  scene.restart();
  scene.world.shell->set_origin(scene.origin);
  scene.world.settle();
  CHECK(scene.starts() == 1);
}

TEST_CASE("a failed one is a problem, and is not tried again and again", "[collector]") {
  CollectorScene scene;
  scene.become_ready();
  scene.end(R"({"v":1,"ok":false,"failure":{"reason":"SystemCallFailed","message":"no store"}})",
            1);
  REQUIRE(scene.collector->problem());
  CHECK(scene.collector->problem()->message() == "collecting garbage: no store");
  scene.world.settle();
  CHECK(scene.starts() == 1);
  CHECK(scene.world.count("GarbageCollected") == 0);
  scene.ask(false);
  scene.end(kNothing);
  CHECK_FALSE(scene.collector->problem());
}

TEST_CASE("a full disk is collected for once, and only then is the worker tried again",
          "[collector]") {
  const auto stage = GENERATE(WorkerStage::kPackage, WorkerStage::kUnpack);
  INFO(to_string(stage));
  CollectorScene scene;
  scene.become_ready();
  scene.end(kNothing);
  scene.next_version_finds_the_disk_full(stage);
  REQUIRE(scene.runs());
  CHECK(scene.starts() == 2);
  // What the package in hand needs is not garbage, whatever its worker said.
  CHECK(scene.request().get("downloads").dump() == "[\"" + scene.origin->fingerprint + "\"]");
  scene.world.timers.now += 3'600'000'000;
  scene.world.settle();
  CHECK(scene.world.unit_of(subject_of(stage)).empty());  // its time has come, the room has not
  scene.end(kNothing);
  CHECK_FALSE(scene.world.unit_of(subject_of(stage)).empty());

  // Nothing new has become garbage since.
  scene.finds_the_disk_full(stage);
  CHECK_FALSE(scene.runs());
  CHECK(scene.starts() == 2);
  scene.world.wake();
  CHECK_FALSE(scene.world.unit_of(subject_of(stage)).empty());
  scene.verdict(stage, {true, true, 0, "", ""});
  CHECK(scene.world.shell->acquisition().reason.empty());
}

TEST_CASE("a full disk that cannot be collected for keeps nobody from trying", "[collector]") {
  CollectorScene scene;
  scene.become_ready();
  scene.end(kNothing);
  scene.next_version_finds_the_disk_full(WorkerStage::kPackage);
  scene.end(R"({"v":1,"ok":false,"failure":{"reason":"DiskFull","message":"not even that"}})", 1);
  REQUIRE(scene.collector->problem());
  CHECK(scene.collector->problem()->reason() == "DiskFull");
  scene.world.wake();
  CHECK_FALSE(scene.world.unit_of("profile/package").empty());
  scene.finds_the_disk_full(WorkerStage::kPackage);
  CHECK_FALSE(scene.runs());
  scene.collector->try_again();  // as `klubster apply` does
  scene.world.settle();
  CHECK(scene.runs());
}

TEST_CASE("who asks gets what was removed, and why the rest stays", "[collector]") {
  CollectorScene scene;
  scene.ask(false);
  CHECK(scene.answers.empty());
  scene.end(R"({"v":1,"ok":true,"files":0,"bytes":0,"more":2,"removed":[],"left":[
                {"kind":"staging","name":"x","message":"busy"}],"kept":[
                {"kind":"profile","name":")" +
            kSealed + R"(","files":0,"bytes":0},{"kind":"generation","name":"1"}]})");
  REQUIRE(scene.answers.size() == 1);
  REQUIRE(scene.answers[0]);
  const Json& report = *scene.answers[0];
  CHECK(report.items("kept")[0].get("why").dump() ==
        R"(["present generation 1","server/one runs from it"])");
  CHECK(report.items("kept")[1].get("why").dump() ==
        R"(["present generation","server/one runs from it"])");
  CHECK(report.items("left")[0].text_or("message") == "busy");
  CHECK(report.integer_or("more") == 2);
  CHECK_FALSE(report.bool_or("dryRun", true));
}

TEST_CASE("orders wait for one another, and a dry run leaves no event", "[collector]") {
  CollectorScene scene;
  scene.ask(true);
  scene.ask(false);
  CHECK(scene.starts() == 1);
  CHECK(scene.request().bool_or("dryRun"));
  scene.end(kNothing);
  CHECK(scene.world.count("GarbageCollected") == 0);
  REQUIRE(scene.starts() == 2);
  CHECK_FALSE(scene.request().bool_or("dryRun", true));
  scene.end(kNothing);
  CHECK(scene.answers.size() == 2);
  CHECK(scene.world.count("GarbageCollected") == 1);
}

TEST_CASE("an order waits until nobody unpacks or seals", "[collector]") {
  CollectorScene scene;
  scene.world.shell->record(
      run_started({"profile/unpack", kOrigin.fingerprint, "unpack.service", 1, 1, false}));
  scene.ask(false);
  CHECK(scene.starts() == 0);
  EndedRun ended;
  ended.subject = "profile/unpack";
  ended.unit = "unpack.service";
  scene.world.shell->record(run_ended(ended));
  scene.world.settle();
  CHECK(scene.starts() == 1);
}

TEST_CASE("where it is not known what must stay, nothing goes", "[collector]") {
  CollectorScene scene;
  scene.blocked = Error(ErrorKind::kIo, "LogDamaged", "line 7");
  scene.become_ready();
  scene.ask(false);
  CHECK(scene.starts() == 0);
  REQUIRE(scene.answers.size() == 1);
  REQUIRE_FALSE(scene.answers[0]);
  CHECK(scene.answers[0].error().reason() == "LogDamaged");
}

TEST_CASE("one that an earlier process began is ended, and the work done anew", "[collector]") {
  CollectorScene scene;
  scene.become_ready();
  REQUIRE(scene.runs());
  scene.restart();
  CHECK(scene.world.shell->world().collecting);
  scene.world.shell->set_origin(scene.origin);
  scene.world.settle();
  CHECK(scene.starts() == 2);
  scene.end(kNothing);
  CHECK(scene.world.count("GarbageCollected") == 1);
  CHECK_FALSE(scene.world.shell->world().collecting);
}

TEST_CASE("an answer that is not what was agreed is a failure of the worker", "[collector]") {
  CollectorScene scene;
  const std::string said = GENERATE(as<std::string>{}, "", "{", "[]", R"({"ok":"yes"})",
                                    R"({"ok":false,"failure":{"reason":"AllIsWell"}})");
  scene.ask(false);
  scene.end(said, 1);
  REQUIRE(scene.answers.size() == 1);
  CHECK_FALSE(scene.answers[0]);
  CHECK_FALSE(scene.runs());
}

TEST_CASE("a start that systemd refuses is told to who asked", "[collector]") {
  CollectorScene scene;
  scene.world.settle();
  scene.world.units->refuse_next_start();
  scene.ask(false);
  REQUIRE(scene.answers.size() == 1);
  CHECK_FALSE(scene.answers[0]);
  scene.ask(false);
  scene.end(kNothing);
  CHECK(scene.answers.back());
}

TEST_CASE("a dry run may not write, and nobody collects logs or facts", "[collector]") {
  CollectorScene scene;
  const auto texts_of = [&](bool dry_run, const std::string& property) {
    const auto unit = scene.workers->prepare_collect({}, dry_run);
    REQUIRE(unit);
    for (const auto& [name, value] : unit->properties) {
      if (name == property) return std::get<Texts>(value);
    }
    return Texts{};
  };
  CHECK(texts_of(true, "ReadWritePaths").empty());
  CHECK(texts_of(false, "ReadWritePaths") == Texts{scene.places.state});
  const auto closed = texts_of(false, "InaccessiblePaths");
  for (const char* part : {"/log", "/facts", "/steps", "/config", "/media"})
    CHECK(std::find(closed.begin(), closed.end(), "-" + scene.places.state + part) != closed.end());
}
