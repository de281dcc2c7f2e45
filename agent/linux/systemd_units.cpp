// Starting, watching and releasing units.
#include "linux/systemd_units.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/names.h"
#include "linux/unit_properties.h"

namespace klubster {

namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kUnitPrefix = "/org/freedesktop/systemd1/unit";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

// A process that ends meanwhile has the call refused: then with those that are left.
constexpr int kSetAsideTries = 3;
constexpr std::uint64_t kStateUsec = 25'000'000;
// Within TimeoutStopSec= of klubster.service.
constexpr std::uint64_t kLastAnswerUsec = 3'000'000;

// A short task ends before its properties are worth a reading of their own.
constexpr std::uint64_t kRunsOnUsec = 100'000;

bool is_dead(const UnitSnapshot& unit) {
  return unit.active_state == "failed" || unit.active_state == "inactive";
}

// Nothing of it changes while it runs that anybody looks at.
bool is_mute(const TransientUnit& unit) {
  bool task = false;
  for (const auto& [name, value] : unit.properties) {
    const auto* text = std::get_if<std::string>(&value);
    if (name == "NotifyAccess" || name == "CollectMode") return false;
    if (name == "Type") task = text != nullptr && *text == "oneshot";
  }
  return task;
}

// Some answers are of no interest: the unit's next snapshot tells what came of it.
void ignore(const Result<BusMessage>&) {}

}  // namespace

void order_unit_job(Bus& bus, const std::string& job, std::string_view unit,
                    std::function<void(Result<BusMessage>)> handler) {
  BusMessage message = bus.method(kSystemd, kManagerPath, kManager, job);
  message.add_string(std::string(unit)).add_string("replace");
  bus.call(std::move(message), std::move(handler));
}

SystemdUnits::SystemdUnits(EventLoop& loop, Bus& bus) : loop_(loop), bus_(bus) {
  subscribe();
  // A manager that reloads or re-executes may have dropped signals meanwhile: read everything.
  reloading_ = bus_.match(std::string("type='signal',sender='") + kSystemd + "',interface='" +
                              kManager + "',member='Reloading'",
                          "b", [this](BusMessage message) {
                            if (message.read_bool()) return;
                            subscribe();
                            for (const auto& [name, watched] : watched_)
                              read(name);
                          });
}

void SystemdUnits::subscribe() {
  call_manager(
      "Subscribe", [](BusMessage&) {}, ignore);
}

void SystemdUnits::call_manager(const std::string& member,
                                const std::function<void(BusMessage&)>& fill,
                                std::function<void(Result<BusMessage>)> handler) {
  BusMessage message = bus_.method(kSystemd, kManagerPath, kManager, member);
  fill(message);
  bus_.call(std::move(message), std::move(handler));
}

void SystemdUnits::watch(const std::string& unit) {
  listen(unit);
  read(unit);
}

void SystemdUnits::listen(const std::string& unit) {
  if (watched_.count(unit) > 0) return;
  Watched& watched = watched_[unit];
  const std::string from = std::string("type='signal',sender='") + kSystemd + "',";
  // Of each change systemd tells the part of the unit's type first, then the one of every unit:
  // that there are two is for those who believe what they are told.
  watched.changed = bus_.match(
      from + "interface='" + kProperties + "',member='PropertiesChanged',path='" +
          Bus::encode_path(kUnitPrefix, unit) + "',arg0='" + kUnit + "'",
      "sa{sv}as", [this, unit](BusMessage message) { changed(unit, std::move(message)); });
}

// For what systemd may forget by itself. Of a task it first tells that it is dead.
void SystemdUnits::listen_for_removal(const std::string& unit, Watched& watched) {
  if (watched.removed) return;
  watched.removed = bus_.match(std::string("type='signal',sender='") + kSystemd + "',interface='" +
                                   kManager + "',member='UnitRemoved',arg0='" + unit + "'",
                               "so", [this, unit](const BusMessage&) { read(unit); });
}

// That a task has begun is in the signal, when it is systemd's own: anybody could send one like it.
// How it ended and what it cost has to be read.
void SystemdUnits::changed(const std::string& unit, BusMessage message) {
  const auto found = watched_.find(unit);
  if (found == watched_.end() || found->second.starting) return;
  Watched& watched = found->second;
  UnitSnapshot said = read_unit_changes(message);
  if (watched.releasing) {
    // By now systemd has mostly forgotten it, so that asking for it is enough.
    if (is_dead(said) || said.active_state.empty()) read(unit);
    return;
  }
  const bool begins =
      said.active_state == "activating" && !said.invocation.empty() && message.sender() == systemd_;
  if (!watched.mute || !begins || watched.reading) return read(unit, true);
  if (std::exchange(watched.known_to_run, true)) return;
  said.name = unit;
  said.load_state = "loaded";
  handler_(said);
}

void SystemdUnits::read_later(Watched& watched) {
  watched.read_by_usec = now_boottime_usec() + kRunsOnUsec;
  if (!overdue_) overdue_ = loop_.after(kRunsOnUsec, [this] { read_overdue(); });
}

void SystemdUnits::read_overdue() {
  overdue_.cancel();
  const std::uint64_t now = now_boottime_usec();
  std::uint64_t next = UINT64_MAX;
  std::vector<std::string> due;
  for (const auto& [name, watched] : watched_) {
    if (watched.read_by_usec == 0) continue;
    if (watched.read_by_usec <= now) {
      due.push_back(name);
    } else {
      next = std::min(next, watched.read_by_usec);
    }
  }
  if (next != UINT64_MAX) overdue_ = loop_.after(next - now, [this] { read_overdue(); });
  for (const auto& name : due)
    read(name, true);
}

// Asking for the properties alone is half the work, but it loads a unit that is not there: systemd
// announces that one's removal, so whoever reads after a removal has to ask for the unit first.
void SystemdUnits::read(const std::string& unit, bool there) {
  const auto found = watched_.find(unit);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.starting) return;  // it is read with the start's answer
  if (watched.reading) {
    watched.dirty = true;
    return;
  }
  watched.reading = true;
  watched.dirty = false;
  watched.read_by_usec = 0;
  if (there) return read_properties(unit, Bus::encode_path(kUnitPrefix, unit));
  call_manager(
      "GetUnit", [&](BusMessage& message) { message.add_string(unit); },
      [this, unit](Result<BusMessage> reply) {
        if (reply) {
          const auto still = watched_.find(unit);
          if (still != watched_.end()) listen_for_removal(unit, still->second);
          return read_properties(unit, reply->read_string());
        }
        UnitSnapshot absent;
        absent.name = unit;
        absent.load_state = "not-found";
        read_system_state(std::move(absent));
      });
}

void SystemdUnits::read_properties(const std::string& unit, const std::string& path) {
  BusMessage message = bus_.method(kSystemd, path, kProperties, "GetAll");
  message.add_string("");  // all interfaces: unit and service in one read
  bus_.call(std::move(message), [this, unit](Result<BusMessage> reply) {
    UnitSnapshot snapshot;
    if (reply) {
      snapshot = read_unit_snapshot(*reply);
    } else {
      snapshot.load_state = "not-found";  // it went between the two calls
    }
    snapshot.name = unit;
    read_system_state(std::move(snapshot));
  });
}

// A unit that died while the machine goes down did not fail: ask, before anybody judges.
void SystemdUnits::read_system_state(UnitSnapshot snapshot) {
  const auto found = watched_.find(snapshot.name);
  if (found == watched_.end()) return;
  const bool dead = !snapshot.found() || is_dead(snapshot);
  const bool matters = found->second.was_found && !found->second.releasing;
  if (!dead || !matters) return arrived(std::move(snapshot));
  ask_system_state(
      [this, snapshot](const std::optional<std::string>& state) mutable {
        snapshot.manager_stopping = state == "stopping";
        arrived(std::move(snapshot));
      },
      kStateUsec);
}

void SystemdUnits::ask_system_state(std::function<void(const std::optional<std::string>&)> handler,
                                    std::uint64_t timeout_usec) {
  BusMessage message = bus_.method(kSystemd, kManagerPath, kProperties, "Get");
  message.add_string(kManager).add_string("SystemState");
  bus_.call(
      std::move(message),
      [handler = std::move(handler)](Result<BusMessage> reply) {
        const bool answered = reply && reply->enter('v', "s");
        handler(answered ? std::optional(reply->read_string()) : std::nullopt);
      },
      timeout_usec);
}

void SystemdUnits::ask_whether_stopping(std::function<void(bool)> handler) {
  ask_system_state(
      [handler = std::move(handler)](const std::optional<std::string>& state) {
        handler(!state || *state == "stopping");
      },
      kLastAnswerUsec);
}

void SystemdUnits::arrived(UnitSnapshot snapshot) {
  const auto found = watched_.find(snapshot.name);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  watched.reading = false;
  const std::string name = snapshot.name;
  if (watched.starting) return;
  watched.was_found = watched.was_found || snapshot.found();
  watched.was_up = snapshot.found() && snapshot.active_state == "active";
  if (watched.releasing) {
    if (snapshot.found()) {
      if (is_dead(snapshot)) {
        forget(name, watched);
      } else if (watched.dirty) {
        read(name);
      }
      return;
    }
    watched_.erase(found);  // its signals are of no interest any more
    return handler_(snapshot);
  }
  if (watched.dirty) return read(name);
  handler_(snapshot);
}

// A dead unit that is being released. Systemd keeps one that failed until that is taken off it,
// and one with processes in its cgroup until they end: those that KillMode=process spared may run
// for years. Anything else goes by itself; UnitRemoved tells when.
void SystemdUnits::forget(const std::string& unit, Watched& watched) {
  if (!watched.reset) {
    watched.reset = true;
    call_manager(
        "ResetFailedUnit", [&](BusMessage& message) { message.add_string(unit); },
        [this, unit](const Result<BusMessage>&) { read(unit); });
  } else if (watched.set_aside < kSetAsideTries) {
    ++watched.set_aside;
    set_aside_processes(unit);
  }
}

void SystemdUnits::set_aside_processes(const std::string& unit) {
  call_manager(
      "GetUnitProcesses", [&](BusMessage& message) { message.add_string(unit); },
      [this, unit](Result<BusMessage> reply) {
        if (!reply) {
          // One that is gone meanwhile has left nothing.
          if (reply.error().reason() == "NoSuchUnit") return;
          return log_error(Error(reply.error()).in("asking what " + unit + " left running"));
        }
        std::vector<std::uint32_t> pids;
        if (reply->enter('a', "(sus)")) {
          while (reply->enter('r', "sus")) {
            (void)reply->read_string();  // its cgroup
            pids.push_back(reply->read_uint32());
            (void)reply->read_string();  // its command line
            reply->exit();
          }
        }
        if (!pids.empty()) make_scope(unit, pids);
      });
}

// Moves processes out of a unit's cgroup by making them a scope of their own.
void SystemdUnits::make_scope(const std::string& unit, const std::vector<std::uint32_t>& pids) {
  const std::string scope = std::string(names::kLeftScopePrefix) + unit.substr(0, unit.rfind('.')) +
                            "-" + std::to_string(pids.front()) + ".scope";
  log_info(unit + " left " + std::to_string(pids.size()) + " processes running; they are in " +
           scope);
  BusMessage message = bus_.method(kSystemd, kManagerPath, kManager, "StartTransientUnit");
  message.add_string(scope).add_string("fail").open('a', "(sv)");
  const auto text = [&](const char* name, const std::string& value) {
    message.open('r', "sv").add_string(name).open('v', "s").add_string(value).close().close();
  };
  text("Description", "processes that " + unit + " left running");
  text("Slice", std::string(names::kSlice));
  message.open('r', "sv").add_string("PIDs").open('v', "au").open('a', "u");
  for (const std::uint32_t pid : pids)
    message.add_uint32(pid);
  message.close().close().close().close();
  message.open('a', "(sa(sv))").close();
  bus_.call(std::move(message), [this, unit](const Result<BusMessage>& reply) {
    if (reply) return;
    log_error(Error(reply.error()).in("setting aside what " + unit + " left running"));
    read(unit);
  });
}

void SystemdUnits::start(const TransientUnit& unit) {
  const std::string name = unit.name;
  listen(name);  // first: nothing that happens after the start can be missed
  Watched& watched = watched_[name];
  watched.starting = true;
  watched.mute = is_mute(unit);
  watched.known_to_run = false;
  if (!watched.mute) listen_for_removal(name, watched);
  BusMessage message = bus_.method(kSystemd, kManagerPath, kManager, "StartTransientUnit");
  message.add_string(name).add_string("fail");
  append_unit_properties(message, unit);
  message.open('a', "(sa(sv))").close();
  bus_.call(std::move(message),
            [this, name](const Result<BusMessage>& reply) { started(name, reply); });
}

void SystemdUnits::started(const std::string& unit, const Result<BusMessage>& reply) {
  const auto found = watched_.find(unit);
  if (found == watched_.end()) return;
  found->second.starting = false;
  if (!reply) return refuse_start(unit, reply.error());
  found->second.was_found = true;
  systemd_ = reply->sender();
  if (found->second.mute) return read_later(found->second);
  read(unit, true);
}

void SystemdUnits::start_existing(const std::string& unit) {
  listen(unit);
  Watched& watched = watched_[unit];
  watched.starting = true;
  watched.mute = false;
  listen_for_removal(unit, watched);
  order_unit_job(bus_, "StartUnit", unit,
                 [this, unit](const Result<BusMessage>& reply) { started(unit, reply); });
}

void SystemdUnits::refuse_start(const std::string& unit, const Error& error) {
  UnitSnapshot snapshot;
  snapshot.name = unit;
  snapshot.load_state = "not-found";
  snapshot.start_error = error;
  // Only a shutdown queues jobs that nothing may replace: the refusal says nothing about the unit.
  snapshot.manager_stopping = error.reason() == "TransactionIsDestructive";
  handler_(snapshot);
}

void SystemdUnits::release(const std::string& unit) {
  listen(unit);
  Watched& watched = watched_[unit];
  if (watched.releasing) return;
  watched.releasing = true;
  const bool announced = watched.was_up;
  order_unit_job(bus_, "StopUnit", unit, [this, unit, announced](const Result<BusMessage>& reply) {
    if (!reply || !announced) read(unit);
  });
}

// Each unit is stopped in its order: the manager's own Reboot() stops none, and only kills.
void SystemdUnits::reboot() {
  // As `systemctl reboot` does: the manager's Reboot() would stop no service before.
  call_manager(
      "StartUnit",
      [](BusMessage& message) {
        message.add_string("reboot.target").add_string("replace-irreversibly");
      },
      [](const Result<BusMessage>& reply) {
        if (!reply) log_error(reply.error());
      });
}

}  // namespace klubster
