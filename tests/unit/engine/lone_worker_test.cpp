// One unit name, one run at a time, whatever an earlier process of the daemon left.
#include "engine/lone_worker.h"

#include "tests/unit/catch.h"
#include "tests/unit/engine/world.h"

using namespace klubster;

TEST_CASE("the unit's moves: one of another process goes first, a result is read once",
          "[lone-worker]") {
  using enum LoneMove;
  FakeManager manager;
  const UnitSnapshot absent = manager.look("klubster-worker-x.service");
  UnitSnapshot running = absent;
  running.load_state = "loaded";
  running.active_state = "activating";
  UnitSnapshot refused = absent;
  refused.start_error = Error(ErrorKind::kIo, "SystemCallFailed", "no");
  UnitSnapshot ended = running;
  ended.exec_code = 1;
  ended.active_state = "failed";
  ended.result = "exit-code";

  CHECK(next_lone_move(nullptr, false, true, false) == kWatch);
  CHECK(next_lone_move(&absent, true, true, true) == kNone);
  CHECK(next_lone_move(&running, false, true, false) == kRelease);
  CHECK(next_lone_move(&absent, false, false, false) == kNone);
  CHECK(next_lone_move(&absent, false, true, false) == kStart);
  CHECK(next_lone_move(&refused, false, true, false) == kStart);
  CHECK(next_lone_move(&running, false, true, true) == kNone);
  CHECK(next_lone_move(&refused, false, true, true) == kFail);
  CHECK(next_lone_move(&absent, false, true, true) == kFail);
  ended.exec_status = 1;
  CHECK(next_lone_move(&ended, false, true, true) == kRead);
  ended.exec_status = 70;
  CHECK(next_lone_move(&ended, false, true, true) == kFail);
}

namespace {

const std::string kUnitName = "klubster-worker-x.service";

// A part of the daemon that wants one run.
struct Part {
  EngineWorld world{plan_of({})};
  std::unique_ptr<LoneWorker> worker;
  bool wanted = true;
  int prepared = 0;
  std::vector<std::string> ends;  // reasons; "" where there is a result

  Part() { restart(); }
  void restart() {
    world.start_agent();
    worker = std::make_unique<LoneWorker>(*world.shell, kUnitName);
    world.shell->on_settled([this] {
      worker->advance(
          wanted,
          [this]() -> Result<TransientUnit> {
            ++prepared;
            TransientUnit unit;
            unit.name = kUnitName;
            unit.set("Type", std::string("oneshot"));
            unit.set("ExecStart", ExecCommand{{"/usr/lib/klubster/worker"}});
            return unit;
          },
          [this](const Status& left) {
            ends.push_back(left ? "" : left.error().reason());
            wanted = false;
          });
    });
    world.settle();
  }
};

}  // namespace

TEST_CASE("a run is told once, as a result or as what kept it from leaving one", "[lone-worker]") {
  const auto [code, reason] =
      GENERATE(table<int, std::string>({{0, ""}, {1, ""}, {70, "ExitCode"}}));
  Part part;
  CHECK(part.worker->runs());
  CHECK_FALSE(part.worker->is_gone());
  part.world.finish(kUnitName, code);
  part.world.settle();

  CHECK(part.prepared == 1);
  CHECK(part.ends == std::vector<std::string>{reason});
  CHECK(part.worker->is_gone());
  CHECK(part.worker->is_idle());
}

TEST_CASE("what an earlier process began is ended unread, and the run begins after it",
          "[lone-worker]") {
  Part part;
  part.restart();

  CHECK(part.prepared == 2);
  CHECK(part.ends.empty());
  CHECK(part.worker->runs());
}
