// The methods of org.klubster.Agent1. Answers are JSON texts: docs/dbus.md says why.
#include "daemon/api.h"

#include <algorithm>

#include "base/names.h"

namespace klubster {

namespace {

constexpr std::size_t kHistoryLimit = 10'000;

Json history_json(const std::vector<Event>& events) {
  Json list = Json::array();
  for (const auto& event : events)
    list.push_back(to_json(event));
  return Json::Object{{"events", std::move(list)}};
}

}  // namespace

Result<BusSlot> serve_agent(Bus& bus, Agent& agent) {
  const auto answer = [&bus](const BusMessage& call, const Json& json) {
    bus.reply(call, [&](BusMessage& reply) { reply.add_string(json.dump()); });
  };
  const auto done = [&bus](const BusMessage& call, const Status& status) {
    if (!status) return bus.refuse(call, status.error());
    bus.reply(call, [](BusMessage&) {});
  };
  std::vector<BusMethod> methods;
  methods.push_back({"GetStatus", "", "s", true,
                     [&agent, answer](BusMessage call) { answer(call, agent.status()); }});
  methods.push_back({"GetPlan", "", "s", true,
                     [&agent, answer](BusMessage call) { answer(call, agent.plan()); }});
  methods.push_back({"GetHistory", "tu", "s", true, [&agent, &bus, answer](BusMessage call) {
                       const std::uint64_t since = call.read_uint64();
                       const std::size_t limit = call.read_uint32();
                       auto events = agent.history(since, std::min(limit, kHistoryLimit));
                       if (!events) return bus.refuse(call, events.error());
                       answer(call, history_json(*events));
                     }});
  methods.push_back({"Apply", "t", "", false, [&agent, done](BusMessage call) {
                       done(call, agent.apply(call.read_uint64(), "D-Bus"));
                     }});
  methods.push_back({"Reload", "", "", false, [&agent, done](BusMessage call) {
                       agent.reload();
                       done(call, {});
                     }});
  methods.push_back({"Leave", "", "", false, [&agent, done](BusMessage call) {
                       agent.leave("D-Bus");
                       done(call, {});
                     }});
  BusSlot slot =
      bus.serve(names::kAgentPath, names::kAgentBus, std::move(methods), {{"Changed", ""}});
  agent.on_change(
      [&bus] { bus.emit(names::kAgentPath, names::kAgentBus, "Changed", [](BusMessage&) {}); });
  if (auto owned = bus.own_name(names::kAgentBus); !owned) return owned.error();
  return slot;
}

}  // namespace klubster
