// Starting, watching and releasing units.
#include "linux/systemd_units.h"

#include "base/log.h"
#include "linux/unit_properties.h"

namespace klubster {

namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitPrefix = "/org/freedesktop/systemd1/unit";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

// Some answers are of no interest: the unit's next snapshot tells what came of it.
void ignore(const Result<BusMessage>&) {}

}  // namespace

SystemdUnits::SystemdUnits(Bus& bus) : bus_(bus) {
  subscribe();
  // A manager that reloads or re-executes may have dropped signals meanwhile: read everything.
  reloading_ = bus_.match(std::string("type='signal',sender='") + kSystemd + "',interface='" +
                              kManager + "',member='Reloading'",
                          [this](BusMessage message) {
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
  if (watched_.count(unit) > 0) return read(unit);
  Watched& watched = watched_[unit];
  const std::string from = std::string("type='signal',sender='") + kSystemd + "',";
  const auto again = [this, unit](const BusMessage&) { read(unit); };
  watched.changed =
      bus_.match(from + "interface='" + kProperties + "',member='PropertiesChanged',path='" +
                     Bus::encode_path(kUnitPrefix, unit) + "'",
                 again);
  watched.removed = bus_.match(
      from + "interface='" + kManager + "',member='UnitRemoved',arg0='" + unit + "'", again);
  read(unit);
}

void SystemdUnits::read(const std::string& unit) {
  const auto found = watched_.find(unit);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.reading) {
    watched.dirty = true;
    return;
  }
  watched.reading = true;
  watched.dirty = false;
  call_manager(
      "GetUnit", [&](BusMessage& message) { message.add_string(unit); },
      [this, unit](Result<BusMessage> reply) {
        if (reply) return read_properties(unit, reply->read_string());
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
  const bool dead =
      !snapshot.found() || snapshot.active_state == "failed" || snapshot.active_state == "inactive";
  if (!dead || !found->second.was_found) return arrived(std::move(snapshot));
  BusMessage message = bus_.method(kSystemd, kManagerPath, kProperties, "Get");
  message.add_string(kManager).add_string("SystemState");
  bus_.call(std::move(message), [this, snapshot](Result<BusMessage> reply) mutable {
    if (reply && reply->enter('v', "s")) {
      snapshot.manager_stopping = reply->read_string() == "stopping";
    }
    arrived(std::move(snapshot));
  });
}

void SystemdUnits::arrived(UnitSnapshot snapshot) {
  const auto found = watched_.find(snapshot.name);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  watched.reading = false;
  const std::string name = snapshot.name;
  if (watched.starting) return;
  watched.was_found = watched.was_found || snapshot.found();
  if (watched.releasing) {
    if (snapshot.found()) {
      const bool dead = snapshot.active_state == "failed" || snapshot.active_state == "inactive";
      if (dead) {
        call_manager(
            "ResetFailedUnit", [&](BusMessage& m) { m.add_string(name); },
            [this, name](const Result<BusMessage>&) { read(name); });
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

void SystemdUnits::start(const TransientUnit& unit) {
  const std::string name = unit.name;
  watch(name);  // matches first: nothing that happens after the start can be missed
  watched_[name].starting = true;
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
  read(unit);
}

void SystemdUnits::start_existing(const std::string& unit) {
  watch(unit);
  watched_[unit].starting = true;
  call_manager(
      "StartUnit", [&](BusMessage& message) { message.add_string(unit).add_string("replace"); },
      [this, unit](const Result<BusMessage>& reply) { started(unit, reply); });
}

void SystemdUnits::refuse_start(const std::string& unit, const Error& error) {
  UnitSnapshot snapshot;
  snapshot.name = unit;
  snapshot.load_state = "not-found";
  snapshot.start_error = error;
  handler_(snapshot);
}

void SystemdUnits::release(const std::string& unit) {
  if (watched_.count(unit) == 0) watch(unit);
  Watched& watched = watched_[unit];
  if (watched.releasing) return;
  watched.releasing = true;
  call_manager(
      "StopUnit", [&](BusMessage& message) { message.add_string(unit).add_string("replace"); },
      [this, unit](const Result<BusMessage>&) { read(unit); });
}

void SystemdUnits::reboot() {
  call_manager(
      "Reboot", [](BusMessage&) {},
      [](const Result<BusMessage>& reply) {
        if (!reply) log_error(reply.error());
      });
}

}  // namespace klubster
