// The members of org.klubster.Agent1. Answers are JSON texts: docs/dbus.md says why.
#include "daemon/api.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "base/names.h"
#include "daemon/api_options.h"

namespace klubster {

namespace {

constexpr std::size_t kHistoryLimit = 10'000;

Json history_json(const std::vector<Event>& events) {
  Json list = Json::array();
  for (const auto& event : events)
    list.push_back(to_json(event));
  return Json::Object{{"events", std::move(list)}};
}

void add_value(BusMessage& into, const ApiValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    into.add_bool(*flag);
  } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    into.add_uint64(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    into.add_string(*text);
  } else {
    into.add_strings(std::get<std::vector<std::string>>(value));
  }
}

}  // namespace

AgentApi::AgentApi(Bus& bus, Agent& agent)
    : bus_(bus), agent_(agent), values_(api_values(agent.status())) {
  auto methods = reading();
  std::ranges::move(changing(), std::back_inserter(methods));
  std::ranges::move(operations(), std::back_inserter(methods));
  object_ = bus_.serve(names::kAgentPath, names::kAgentBus, std::move(methods), {{"Changed", ""}},
                       properties());
  agent_.on_change([this](const Json& status) { tell_changes(status); });
}

Result<std::unique_ptr<AgentApi>> AgentApi::create(Bus& bus, Agent& agent) {
  std::unique_ptr<AgentApi> api(new AgentApi(bus, agent));
  if (auto owned = bus.own_name(names::kAgentBus); !owned) return owned.error();
  return api;
}

void AgentApi::answer(const BusMessage& call, const Json& json) {
  bus_.reply(call, [&](BusMessage& reply) { reply.add_string(json.dump()); });
}

void AgentApi::finish(const BusMessage& call, const Status& status) {
  if (!status) return bus_.refuse(call, status.error());
  bus_.reply(call, [](BusMessage&) {});
}

// Answered when it is done.
void AgentApi::collect(BusMessage call) {
  const bool dry_run = call.read_bool();
  const auto kept = std::make_shared<BusMessage>(std::move(call));
  agent_.collect_garbage(dry_run, [this, kept](const Result<Json>& report) {
    if (!report) return bus_.refuse(*kept, report.error());
    answer(*kept, *report);
  });
}

std::vector<BusMethod> AgentApi::reading() {
  const Access everybody = Access::for_everybody();
  std::vector<BusMethod> methods;
  methods.push_back(
      {"GetStatus", "", "s", everybody,
       [this](const BusMessage& call, const BusCaller&) { answer(call, agent_.status()); }});
  methods.push_back(
      {"GetPlan", "", "s", everybody,
       [this](const BusMessage& call, const BusCaller&) { answer(call, agent_.plan()); }});
  methods.push_back({"GetHistory", "tu", "s", everybody, [this](BusMessage call, const BusCaller&) {
                       const std::uint64_t since = call.read_uint64();
                       const std::size_t limit = call.read_uint32();
                       const auto events = agent_.history(since, std::min(limit, kHistoryLimit));
                       if (!events) return bus_.refuse(call, events.error());
                       answer(call, history_json(*events));
                     }});
  return methods;
}

std::vector<BusMethod> AgentApi::changing() {
  std::vector<BusMethod> methods;
  // It reads the tree and runs checks, which is more than looking.
  methods.push_back({"Plan", "", "s", Access::by_polkit(names::kActionReload),
                     [this](BusMessage call, const BusCaller&) {
                       const auto kept = std::make_shared<BusMessage>(std::move(call));
                       agent_.ask_plan([this, kept](const Json& plan) { answer(*kept, plan); });
                     }});
  methods.push_back({"Apply", "a{sv}", "", Access::by_polkit(names::kActionApply),
                     [this](BusMessage call, const BusCaller& caller) { apply(call, caller); }});
  methods.push_back({"Reload", "", "", Access::by_polkit(names::kActionReload),
                     [this](const BusMessage& call, const BusCaller&) {
                       agent_.reload();
                       finish(call, {});
                     }});
  methods.push_back({"CollectGarbage", "b", "s", Access::by_polkit(names::kActionCollect),
                     [this](BusMessage call, const BusCaller&) { collect(std::move(call)); }});
  return methods;
}

void AgentApi::apply(BusMessage& call, const BusCaller& caller) {
  ApplyRequest request;
  auto read = read_options(call, {{"if-generation", &request.guard.if_generation},
                                  {"until", &request.until},
                                  {"allow-destroy", &request.allow_destroy},
                                  {"allow-downgrade", &request.allow_downgrade}});
  if (!read) return finish(call, std::move(read).in("Apply"));
  request.by = caller.text();
  finish(call, agent_.apply(request));
}

std::vector<BusProperty> AgentApi::properties() {
  std::vector<BusProperty> properties;
  for (const auto& [name, value] : values_) {
    properties.push_back({name, api_type(value), [this, key = name](BusMessage& into) {
                            add_value(into, values_.at(key));
                          }});
  }
  return properties;
}

// Properties first: who waits for `Changed` finds them as they are now.
void AgentApi::tell_changes(const Json& status) {
  ApiValues now = api_values(status);
  auto changed = api_changes(values_, now);
  values_ = std::move(now);
  bus_.properties_changed(names::kAgentPath, names::kAgentBus, std::move(changed));
  bus_.emit(names::kAgentPath, names::kAgentBus, "Changed", [](BusMessage&) {});
}

}  // namespace klubster
