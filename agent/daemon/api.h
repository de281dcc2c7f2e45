// org.klubster.Agent1: the agent on the system bus.
#pragma once

#include <memory>

#include "daemon/agent.h"
#include "daemon/api_properties.h"
#include "linux/bus.h"

namespace klubster {

class AgentApi {
 public:
  // Exports the agent and owns its name. Reading is for everybody, changing for root and whom
  // polkit allows it. kConflict when another agent has the name.
  static Result<std::unique_ptr<AgentApi>> create(Bus& bus, Agent& agent);

 private:
  AgentApi(Bus& bus, Agent& agent);
  std::vector<BusMethod> reading();
  std::vector<BusMethod> changing();
  std::vector<BusMethod> operations();
  std::vector<BusProperty> properties();
  void apply(BusMessage& call, const BusCaller& caller);
  void run(BusMessage& call, const BusCaller& caller);
  // Reads the options of a method that undoes, beside those that `request` has already.
  void undo(BusMessage& call, const BusCaller& caller, RequestedLeave request);
  void reboot(BusMessage& call, const BusCaller& caller);
  void roll_back(BusMessage& call, const BusCaller& caller);
  void recover(BusMessage& call, const BusCaller& caller);
  void init_cluster(BusMessage& call, const BusCaller& caller);
  void answer(const BusMessage& call, const Json& json);
  void collect(BusMessage call);
  void finish(const BusMessage& call, const Status& status);
  void tell_changes(const Json& status);

  Bus& bus_;
  Agent& agent_;
  ApiValues values_;  // as they were announced last
  BusSlot object_;
};

}  // namespace klubster
