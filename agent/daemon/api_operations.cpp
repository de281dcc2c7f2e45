// What an operator asks of a node: commands, leaving, going back, beginning anew.
#include "base/names.h"
#include "base/text.h"
#include "daemon/api.h"
#include "daemon/api_options.h"

namespace klubster {

namespace {

constexpr std::size_t kMostInputs = 256;

// a{ss}; an input that is named twice is refused.
Result<std::map<std::string, std::string>> read_inputs(BusMessage& call) {
  std::map<std::string, std::string> inputs;
  call.enter('a', "{ss}");
  while (call.enter('e', "ss")) {
    const std::string name = call.read_string();
    const bool first = inputs.emplace(name, call.read_string()).second;
    call.exit();
    if (!first || inputs.size() > kMostInputs) {
      return Error(ErrorKind::kInvalid, "BadValue",
                   first ? "expected at most " + std::to_string(kMostInputs) + " inputs"
                         : "input " + printable(name, 64) + " is given twice");
    }
  }
  call.exit();
  return inputs;
}

}  // namespace

void AgentApi::run(BusMessage& call, const BusCaller& caller) {
  const std::string name = call.read_string();
  auto inputs = read_inputs(call);
  if (!inputs) return bus_.refuse(call, inputs.error());
  Guard guard;
  auto read = read_options(call, {{"if-generation", &guard.if_generation}});
  if (!read) return finish(call, std::move(read).in("Run"));
  const auto request = agent_.run_command({name, caller.text(), std::move(*inputs)}, guard);
  if (!request) return bus_.refuse(call, request.error());
  answer(call, Json::Object{{"request", *request}});
}

void AgentApi::undo(BusMessage& call, const BusCaller& caller, RequestedLeave request) {
  Guard guard;
  std::vector<ApiOption> known = {{"force", &request.force},
                                  {"if-generation", &guard.if_generation},
                                  {"interrupt", &guard.interrupt}};
  if (request.reset) known.push_back({"identity", &request.identity});
  auto read = read_options(call, known);
  if (!read) return finish(call, std::move(read).in(call.member()));
  request.by = caller.text();
  finish(call, agent_.leave(request, guard));
}

void AgentApi::reboot(BusMessage& call, const BusCaller& caller) {
  Guard guard;
  bool recovery = false;
  auto read = read_options(call, {{"recovery", &recovery},
                                  {"if-generation", &guard.if_generation},
                                  {"interrupt", &guard.interrupt}});
  if (!read) return finish(call, std::move(read).in("Reboot"));
  finish(call, agent_.reboot(caller.text(), guard, recovery));
}

void AgentApi::roll_back(BusMessage& call, const BusCaller& caller) {
  const std::uint64_t number = call.read_uint64();
  Guard guard;
  bool dry_run = false;
  auto read = read_options(call, {{"dry-run", &dry_run},
                                  {"if-generation", &guard.if_generation},
                                  {"interrupt", &guard.interrupt}});
  if (!read) return finish(call, std::move(read).in("Rollback"));
  const auto done = agent_.roll_back(number, caller.text(), guard, dry_run);
  if (!done) return bus_.refuse(call, done.error());
  answer(call, *done);
}

void AgentApi::recover(BusMessage& call, const BusCaller& caller) {
  Guard guard;
  auto read = read_options(
      call, {{"if-generation", &guard.if_generation}, {"interrupt", &guard.interrupt}});
  if (!read) return finish(call, std::move(read).in("Recover"));
  finish(call, agent_.recover(caller.text(), guard));
}

void AgentApi::init_cluster(BusMessage& call, const BusCaller& caller) {
  const std::string node = call.read_string();
  Guard guard;
  bool force = false;
  auto read = read_options(call, {{"force", &force},
                                  {"if-generation", &guard.if_generation},
                                  {"interrupt", &guard.interrupt}});
  if (!read) return finish(call, std::move(read).in("InitCluster"));
  if (!force) {
    return finish(call, Error(ErrorKind::kInvalid, "Usage",
                              "expected the option force: without it a cluster forms by itself"));
  }
  finish(call, agent_.init_cluster(node, caller.text(), guard));
}

std::vector<BusMethod> AgentApi::operations() {
  std::vector<BusMethod> methods;
  methods.push_back({"Run", "sa{ss}a{sv}", "s", Access::by_polkit(names::kActionRun),
                     [this](BusMessage call, const BusCaller& caller) { run(call, caller); }});
  methods.push_back({"Leave", "a{sv}", "", Access::by_polkit(names::kActionLeave),
                     [this](BusMessage call, const BusCaller& caller) { undo(call, caller, {}); }});
  methods.push_back({"Destroy", "a{sv}", "", Access::by_polkit(names::kActionDestroy),
                     [this](BusMessage call, const BusCaller& caller) {
                       undo(call, caller, {.destroy = true});
                     }});
  methods.push_back({"Reset", "a{sv}", "", Access::by_polkit(names::kActionReset),
                     [this](BusMessage call, const BusCaller& caller) {
                       undo(call, caller, {.destroy = true, .reset = true});
                     }});
  methods.push_back({"Reboot", "a{sv}", "", Access::by_polkit(names::kActionReboot),
                     [this](BusMessage call, const BusCaller& caller) { reboot(call, caller); }});
  methods.push_back(
      {"Rollback", "ta{sv}", "s", Access::by_polkit(names::kActionRollback),
       [this](BusMessage call, const BusCaller& caller) { roll_back(call, caller); }});
  methods.push_back({"Recover", "a{sv}", "", Access::by_polkit(names::kActionRecover),
                     [this](BusMessage call, const BusCaller& caller) { recover(call, caller); }});
  methods.push_back(
      {"InitCluster", "sa{sv}", "", Access::by_polkit(names::kActionInitCluster),
       [this](BusMessage call, const BusCaller& caller) { init_cluster(call, caller); }});
  return methods;
}

}  // namespace klubster
