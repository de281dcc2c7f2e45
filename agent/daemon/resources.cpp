// Costs of subjects.
#include "daemon/resources.h"

#include <algorithm>
#include <iterator>

#include "engine/acquire.h"
#include "engine/plan.h"
#include "linux/event_loop.h"

namespace klubster {

namespace {

constexpr const char* kPeak = "memoryPeakBytes";
constexpr const char* kKeys[] = {"wallUsec", "cpuUsec", kPeak, "ioReadBytes", "ioWriteBytes"};

// Of a run that goes on. Its unit's snapshot is as old as its last change.
Json cost_by_now(const OpenRun& run, const World& world, const UsageReader& read_usage) {
  Json cost = Json::object();
  const auto found = world.units.find(run.unit);
  if (run.boot != world.boot || found == world.units.end() || !found->second.found()) return cost;
  const UnitSnapshot& unit = found->second;
  const CgroupUsage usage = read_usage(unit.control_group);
  cost["wallUsec"] = now_boottime_usec() - run.started_mono_usec;
  const auto set = [&](const char* key, const std::optional<std::uint64_t>& value) {
    if (value) cost[key] = *value;
  };
  set("cpuUsec", usage.cpu_usec);
  set(kPeak, usage.memory_peak_bytes ? usage.memory_peak_bytes : unit.memory_peak_bytes);
  set("ioReadBytes", usage.io_read_bytes);
  set("ioWriteBytes", usage.io_write_bytes);
  return cost;
}

// Null for what never ran.
Json cost_of_subject(const std::string& name, const NodeState& state, const World& world,
                     const UsageReader& read_usage) {
  const SubjectState& past = state.subject(name);
  return past.run ? cost_by_now(*past.run, world, read_usage) : past.cost;
}

// Peaks were not at the same time: of them the highest counts. `atLeast` names what some part did
// not say.
class Total {
 public:
  void add(const Json& cost) {
    for (const char* key : kKeys) {
      const auto* value = cost.get(key).as_integer();
      if (value == nullptr) {
        missing_[key] = true;
      } else if (std::string_view(key) == kPeak) {
        sum_[key] = std::max(sum_.integer_or(key), *value);
      } else {
        sum_[key] = sum_.integer_or(key) + *value;
      }
    }
  }
  Json json() const {
    Json total = sum_;
    total["atLeast"] = Json::array();
    for (const char* key : kKeys) {
      if (missing_.bool_or(key) && !total.get(key).is_null()) total["atLeast"].push_back(key);
    }
    return total;
  }

 private:
  Json sum_ = Json::object(), missing_ = Json::object();
};

}  // namespace

void add_resources(Json& status, const NodeState& state, const World& world,
                   const UsageReader& read_usage) {
  Total total;
  Json workers = Json::array(), steps = Json::array();
  for (const auto stage :
       {WorkerStage::kSignature, WorkerStage::kPackage, WorkerStage::kUnpack, WorkerStage::kSeal}) {
    const Json cost = cost_of_subject(subject_of(stage), state, world, read_usage);
    if (cost.is_null()) continue;
    total.add(cost);
    workers.push_back(Json::Object{{"id", to_string(stage)}, {"resources", cost}});
  }
  for (Json step : status.items("steps")) {
    const std::string subject = subject_of(step.text_or("phase"), step.text_or("id"));
    const Json cost = cost_of_subject(subject, state, world, read_usage);
    if (!cost.is_null()) total.add(cost);
    step["resources"] = cost;
    steps.push_back(std::move(step));
  }
  status["steps"] = std::move(steps);
  status["resources"] = Json::Object{{"workers", std::move(workers)}, {"total", total.json()}};
}

}  // namespace klubster
