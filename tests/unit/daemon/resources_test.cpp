// What a status says of costs.
#include "daemon/resources.h"

#include "tests/unit/catch.h"

using namespace klubster;

namespace {

CgroupUsage nothing(const std::string&) {
  return {};
}

// A node with a task that ended, a service that runs, and a step that never ran.
struct CostlyNode {
  NodeState state;
  World world;
  Json status = Json::object();

  CostlyNode() {
    world.boot = "b";
    for (const char* id : {"task", "service", "idle"})
      status["steps"].push_back(Json::Object{{"phase", "server"}, {"id", id}});
    record(run_started(started("server/task")));
    EndedRun ended;
    ended.subject = "server/task";
    ended.unit = "server/task.service";
    ended.cost = Json::Object{{"wallUsec", 1000}, {"cpuUsec", 300}, {"memoryPeakBytes", 4096}};
    record(run_ended(ended));
    record(run_started(started("server/service")));
    UnitSnapshot unit;
    unit.name = "server/service.service";
    unit.load_state = "loaded";
    unit.control_group = "/klubster.slice/service";
    world.units[unit.name] = unit;
  }
  static StartedRun started(const std::string& subject) {
    StartedRun run;
    run.subject = subject;
    run.unit = subject + ".service";
    return run;
  }
  void record(Event event) {
    event.boot = "b";
    event.seq = state.last_seq + 1;
    state.fold(event);
  }
  const Json& of(std::size_t step) const { return status.items("steps")[step].get("resources"); }
};

}  // namespace

TEST_CASE("a run that ended cost what was recorded, one that goes on what is counted now",
          "[resources]") {
  CostlyNode node;
  add_resources(node.status, node.state, node.world, [](const std::string& group) {
    CHECK(group == "/klubster.slice/service");
    return CgroupUsage{200, 8192, 5, {}};
  });
  CHECK(node.of(0) == node.state.subject("server/task").cost);
  CHECK(node.of(1).integer_or("cpuUsec") == 200);
  CHECK(node.of(1).integer_or("wallUsec") > 0);
  CHECK(node.of(1).get("ioWriteBytes").is_null());
  CHECK(node.of(2).is_null());
  const Json& total = node.status.get("resources").get("total");
  CHECK(total.integer_or("cpuUsec") == 500);
  CHECK(total.integer_or("memoryPeakBytes") == 8192);
  CHECK(total.items("atLeast") == Json::Array{Json("ioReadBytes")});
}

TEST_CASE("what is not counted is absent and makes the total a lower bound", "[resources]") {
  CostlyNode node;
  add_resources(node.status, node.state, node.world, nothing);
  CHECK(node.of(1).get("cpuUsec").is_null());
  const Json& total = node.status.get("resources").get("total");
  CHECK(total.integer_or("cpuUsec") == 300);
  CHECK(total.items("atLeast") == Json::Array{Json("cpuUsec"), Json("memoryPeakBytes")});
  CHECK(total.get("ioReadBytes").is_null());
}

TEST_CASE("workers are shown with the steps, a run of an older boot costs nothing that is known",
          "[resources]") {
  CostlyNode node;
  node.record(run_started(CostlyNode::started("profile/package")));
  EndedRun ended;
  ended.subject = "profile/package";
  ended.cost = Json::Object{{"wallUsec", 7}};
  node.record(run_ended(ended));
  node.world.boot = "another";
  add_resources(node.status, node.state, node.world, nothing);
  const auto& workers = node.status.get("resources").items("workers");
  REQUIRE(workers.size() == 1);
  CHECK(workers[0].text_or("id") == "package");
  CHECK(workers[0].get("resources").integer_or("wallUsec") == 7);
  CHECK(node.of(1) == Json::object());
}
