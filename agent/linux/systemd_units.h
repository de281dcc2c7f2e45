// Transient units of systemd over D-Bus: the real UnitRunner.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/ports.h"
#include "linux/bus.h"

namespace klubster {

// Facts of systemd 252 that shape this class (library-facts 5.1): a client must Subscribe(); any
// signal only means "read the properties again"; GetUnit does not load a unit, GetAll would; a
// collected unit is announced by UnitRemoved alone.
class SystemdUnits : public UnitRunner {
 public:
  explicit SystemdUnits(Bus& bus);

  void on_change(std::function<void(const UnitSnapshot&)> handler) override {
    handler_ = std::move(handler);
  }
  void watch(const std::string& unit) override;
  void start(const TransientUnit& unit) override;
  void start_existing(const std::string& unit) override;
  void release(const std::string& unit) override;
  void reboot() override;

 private:
  struct Watched {
    BusSlot changed, removed;
    bool reading = false;  // a read is under way
    bool dirty = false;    // a signal came meanwhile
    bool releasing = false;
    bool starting = false;  // what was read before the start's answer is stale
    bool was_found = false;
  };

  void subscribe();
  void read(const std::string& unit);
  void read_properties(const std::string& unit, const std::string& path);
  void read_system_state(UnitSnapshot snapshot);
  void arrived(UnitSnapshot snapshot);
  void call_manager(const std::string& member, const std::function<void(BusMessage&)>& fill,
                    std::function<void(Result<BusMessage>)> handler);
  void started(const std::string& unit, const Result<BusMessage>& reply);
  void refuse_start(const std::string& unit, const Error& error);

  Bus& bus_;
  std::function<void(const UnitSnapshot&)> handler_;
  std::map<std::string, Watched> watched_;
  BusSlot reloading_;
};

}  // namespace klubster
