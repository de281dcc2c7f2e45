// The fake service manager: the rules of library-facts 5.1, measured on systemd 252.
#include "tests/fakes/fake_units.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/digest.h"

namespace klubster {

namespace {

const PropertyValue* find(const TransientUnit& unit, const std::string& name) {
  for (const auto& [key, value] : unit.properties) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string text_of(const TransientUnit& unit, const std::string& name) {
  const PropertyValue* value = find(unit, name);
  return value == nullptr ? "" : std::get<std::string>(*value);
}

}  // namespace

UnitSnapshot FakeManager::look(const std::string& name) const {
  const auto found = units.find(name);
  if (found != units.end()) {
    UnitSnapshot snapshot = found->second.snapshot;
    snapshot.manager_stopping = stopping;
    return snapshot;
  }
  UnitSnapshot absent;  // reads as success, as systemd's stub would
  absent.name = name;
  absent.load_state = "not-found";
  absent.active_state = "inactive";
  absent.sub_state = "dead";
  absent.result = "success";
  absent.manager_stopping = stopping;
  return absent;
}

void FakeManager::start(const TransientUnit& unit) {
  ++started[unit.name];
  Unit made;
  made.service = text_of(unit, "Type") != "oneshot";
  made.snapshot.name = unit.name;
  made.snapshot.load_state = "loaded";
  made.snapshot.fragment_path = "/run/systemd/transient/" + unit.name;
  made.snapshot.invocation = to_hex(random_bytes(16));
  made.snapshot.active_state = made.service ? "active" : "activating";
  made.snapshot.sub_state = made.service ? "running" : "start";
  made.snapshot.result = "success";
  made.snapshot.exec_start_usec = 1;
  if (const auto* codes = find(unit, "SuccessExitStatus")) {
    made.success_codes = std::get<ExitCodes>(*codes).codes;
  }
  units[unit.name] = made;
  const auto& argv = std::get<ExecCommand>(*find(unit, "ExecStart")).argv;
  if (argv.front() == "/bin/true") finish(unit.name, 0);
  if (argv.front() == "/bin/false") finish(unit.name, 1);
  if (argv.front().starts_with("/nowhere/")) finish(unit.name, 203);
}

void FakeManager::finish(const std::string& name, int exit_code) {
  const auto found = units.find(name);
  if (found == units.end()) return;
  end(found->second, exit_code);
  if (found->second.service && exit_code == 0) units.erase(found);  // collected at once
  if (changed) changed(name);
}

void FakeManager::end(Unit& unit, int exit_code) {
  UnitSnapshot& snapshot = unit.snapshot;
  snapshot.exec_code = 1;
  snapshot.exec_status = exit_code;
  snapshot.exec_exit_usec = 1001;
  const bool good = exit_code == 0 ||
                    std::find(unit.success_codes.begin(), unit.success_codes.end(), exit_code) !=
                        unit.success_codes.end();
  snapshot.result = good ? "success" : "exit-code";
  snapshot.active_state = good ? "active" : "failed";
  snapshot.sub_state = good ? "exited" : "failed";
}

void FakeManager::kill(const std::string& name, int signal) {
  const bool dumps = signal == SIGSEGV;
  fail(name, dumps ? "core-dump" : "signal", dumps ? 3 : 2, signal);
}

void FakeManager::time_out(const std::string& name) {
  fail(name, "timeout", 2, SIGTERM);
}

void FakeManager::fail(const std::string& name, const std::string& result, int code, int status) {
  const auto found = units.find(name);
  if (found == units.end()) return;
  end(found->second, status);
  found->second.snapshot.result = result;
  found->second.snapshot.exec_code = code;
  found->second.snapshot.active_state = "failed";
  found->second.snapshot.sub_state = "failed";
  if (changed) changed(name);
}

FakeUnits::FakeUnits(FakeManager& manager) : manager_(manager) {
  manager_.changed = [this](const std::string& name) {
    if (watched_.count(name) > 0) pending_.push_back(manager_.look(name));
  };
}

void FakeUnits::watch(const std::string& unit) {
  watched_.insert(unit);
  pending_.push_back(manager_.look(unit));
}

void FakeUnits::start(const TransientUnit& unit) {
  if (manager_.before_action) manager_.before_action();
  watched_.insert(unit.name);
  std::erase_if(pending_, [&](const UnitSnapshot& old) { return old.name == unit.name; });
  if (std::exchange(refuse_next_, false) || manager_.units.count(unit.name) > 0) {
    UnitSnapshot refused;
    refused.name = unit.name;
    refused.load_state = "not-found";
    refused.start_error = Error(ErrorKind::kUnavailable, "UnitExists", "the name is taken");
    pending_.push_back(refused);
    return;
  }
  manager_.start(unit);
  pending_.push_back(manager_.look(unit.name));
}

void FakeUnits::start_existing(const std::string& unit) {
  if (manager_.before_action) manager_.before_action();
  std::erase_if(pending_, [&](const UnitSnapshot& old) { return old.name == unit; });
  ++manager_.started[unit];
  auto& known = manager_.units[unit];
  known.snapshot.name = unit;
  known.snapshot.load_state = "loaded";
  known.snapshot.active_state = manager_.conditions_fail ? "inactive" : "active";
  known.snapshot.sub_state = manager_.conditions_fail ? "dead" : "running";
  watch(unit);
}

void FakeUnits::reboot() {
  if (manager_.before_action) manager_.before_action();
  ++manager_.reboots;
}

void FakeUnits::release(const std::string& unit) {
  if (manager_.before_action) manager_.before_action();
  manager_.units.erase(unit);
  watched_.erase(unit);
  pending_.push_back(manager_.look(unit));
}

bool FakeUnits::deliver() {
  if (pending_.empty()) return false;
  const UnitSnapshot next = pending_.front();
  pending_.pop_front();
  handler_(next);
  return true;
}

}  // namespace klubster
